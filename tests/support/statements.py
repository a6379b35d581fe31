"""Settlement lines as an invented provider tells them, in an API's pages or in a file of one JSON object each."""

import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from paylink.providers.payments import Reference
from paylink.providers.port import Account
from paylink.providers.settlements import (
    LineKind,
    SettlementApi,
    SettlementFile,
    SettlementLine,
    SettlementPage,
    UnreadableFile,
)
from support.books import MIDDAY


def line(line_id: str, amount: int = 150_000, *references: Reference, **changes: Any) -> SettlementLine:
    """Return a settled payment, or refund where the amount is negative, in rupiah with a fee of 4,000."""
    fee = 4_000 if amount > 0 else 0
    told: dict[str, Any] = {
        "line_id": line_id,
        "kind": LineKind.PAYMENT if amount > 0 else LineKind.REFUND,
        "references": references,
        "amount": amount,
        "currency": "IDR",
        "fee": fee,
        "net": amount - fee,
        "paid_amount": amount,
        "paid_currency": "IDR",
        "occurred_at": MIDDAY + timedelta(minutes=2),
        "settled": True,
        "payout": None,
    }
    return SettlementLine(**told | changes)


class Statement(SettlementApi, SettlementFile):
    """An account's lines. `page_size` of them are a page; `fail_at` is the page at which the provider fails."""

    def __init__(self, lines: Sequence[SettlementLine] = (), page_size: int = 100) -> None:
        self.lines = list(lines)
        self.page_size = page_size
        self.asked: list[str | None] = []
        self.fails: dict[str | None, Exception] = {}

    def api(self, provider: str) -> SettlementApi | None:
        return self if provider == "acme" else None

    def file(self, provider: str) -> SettlementFile | None:
        return self if provider == "acme" else None

    def list_lines(self, account: Account, since: datetime, until: datetime, after: str | None) -> SettlementPage:
        self.asked.append(after)
        if after in self.fails:
            raise self.fails.pop(after)
        start = int(after or 0)
        end = start + self.page_size
        return SettlementPage(tuple(self.lines[start:end]), str(end) if end < len(self.lines) else None)

    def read_lines(self, account: Account, lines: Iterable[str]) -> Iterator[SettlementLine]:
        for number, text in enumerate(lines, 1):
            try:
                told = json.loads(text)
            except ValueError as exc:
                raise UnreadableFile(f"row {number}: column amount is no amount") from exc
            told["references"] = tuple(Reference(kind, value) for kind, value in told["references"])
            told["occurred_at"] = datetime.fromisoformat(told["occurred_at"])
            yield SettlementLine(**told | {"kind": LineKind(told["kind"])})


def exported(lines: Iterable[SettlementLine]) -> bytes:
    """Return the file that `Statement` reads."""
    return b"".join(json.dumps(_told(one)).encode() + b"\n" for one in lines)


def _told(one: SettlementLine) -> dict[str, Any]:
    names = [(reference.kind, reference.value) for reference in one.references]
    return vars(one) | {"references": names, "occurred_at": one.occurred_at.isoformat()}
