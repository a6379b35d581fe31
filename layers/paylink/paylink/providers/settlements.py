"""
What providers tell of the money that moved on an account's balance: settlement lines, from an API or from a file.

Apart from `Provider`, as only reconciliation asks for it. Amounts of a line may be negative, so they are integers in
the smallest unit that people pay with, each beside its currency, instead of `Money`.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import BinaryIO, Protocol

from paylink.providers.payments import Reference
from paylink.providers.port import Account

REFUND_REFERENCE = "refund_reference"
"""Kind of reference: the provider's own name of a refund, as in `Refund.reference`."""

FIGURE_MAX = 10**16
"""A guard against slips: above any payout, and a bigint holds the sum of hundreds."""

LINE_SIZE_MAX = 64 * 1024
"""The longest line of a file, in bytes. A row of an export has some hundred."""


class LineKind(StrEnum):
    PAYMENT = "payment"
    REFUND = "refund"
    CHARGEBACK = "chargeback"
    FEE = "fee"
    PAYOUT = "payout"
    ADJUSTMENT = "adjustment"


BY_A_PAYER = frozenset({LineKind.PAYMENT, LineKind.REFUND, LineKind.CHARGEBACK})
"""Kinds of which a payer has paid, or got back, the amount."""


@dataclass(frozen=True)
class SettlementLine:
    """
    One movement on an account's balance, as its provider tells it.

    `line_id` is the provider's own, unique within the account; where a file has none it is derived from the row, so
    that the same row imported again has the same id. `references` name what the line settles, in the adapter's kinds,
    the surest first; that of a refund of ours also has kind `refund` where our id is told, and `refund_reference`.

    `amount` is gross, `net` what the balance moved by: > 0 came in, < 0 went out. `fee` with the taxes on it was kept
    back, or given back where it is < 0. All three are in `currency`, that of the balance. `paid_amount` of
    `paid_currency` is what the payer paid, or got back (< 0); both None where it is not told, and for what no payer
    paid. A refund that failed after it was taken, and a dispute that was won, are lines with `amount` > 0.

    `occurred_at` is aware. A line that is not `settled` is announced, and may still change. `payout` is the provider's
    name of the payout that it is part of.

    Raises:
        ValueError: A figure is beyond any real one, what was paid has no currency, or the time has no zone.
    """

    line_id: str
    kind: LineKind
    references: tuple[Reference, ...]
    amount: int
    currency: str
    fee: int
    net: int
    paid_amount: int | None
    paid_currency: str | None
    occurred_at: datetime
    settled: bool
    payout: str | None

    def __post_init__(self) -> None:
        figures = (self.amount, self.fee, self.net, self.paid_amount or 0)
        if any(type(figure) is not int or abs(figure) > FIGURE_MAX for figure in figures):
            raise ValueError("a figure is no integer, or beyond any real one")
        if (self.paid_amount is None) != (self.paid_currency is None) or self.occurred_at.tzinfo is None:
            raise ValueError("what was paid has no currency, or a time no zone")


@dataclass(frozen=True)
class SettlementPage:
    """Some lines, perhaps none, and what to pass on to get those that follow; None at the end."""

    lines: tuple[SettlementLine, ...]
    next: str | None


class UnreadableFile(Exception):
    """A file is not what the provider exports. The message names the row and column, and repeats nothing of them."""


class SettlementApi(Protocol):
    """Lists an account's lines through the provider's API."""

    def list_lines(self, account: Account, since: datetime, until: datetime, after: str | None) -> SettlementPage:
        """
        Return a page of the lines that occurred or changed in [since, until), in the provider's order. One that
        occurred in it is among them, however late it has changed.

        `after` is `next` of the page before, None for the first. `until` must not lie in the future: what is written
        while the pages are read is in the next range. Nothing between two pages is lost, and a line may be told twice.

        Raises:
            ProviderError: Also `unreadable_answer` for a line that cannot be told exactly: the page is told whole, or
                not at all.
        """


class SettlementFile(Protocol):
    """Reads the lines of a file that the provider's dashboard exports."""

    def read_lines(self, account: Account, lines: Iterable[str]) -> Iterator[SettlementLine]:
        """
        Return the settlement lines of a file's text lines, while they are read: memory does not grow with the file.

        Whoever stores them stores those of a whole file, or none: an error may come after any line.

        Raises:
            UnreadableFile: While the lines are read.
        """


def decoded_lines(file: BinaryIO) -> Iterator[str]:
    """
    Return the text lines of a file in UTF-8, with a byte order mark or without, with their line ends.

    Raises:
        UnreadableFile: It is in another encoding, binary, or has a line of more than 64 KiB.
    """
    number = 0
    while raw := file.readline(LINE_SIZE_MAX + 1):
        number += 1
        if len(raw) > LINE_SIZE_MAX:
            raise UnreadableFile(f"line {number} is longer than {LINE_SIZE_MAX} bytes")
        try:
            text = raw.decode()
        except UnicodeDecodeError:
            raise UnreadableFile(f"line {number} is not in UTF-8: save the file as CSV in UTF-8") from None
        yield text.removeprefix("\ufeff") if number == 1 else text
