"""Settlement lines as they are stored, what brought them, and of which times all of them are known."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from paylink.core.text import is_printable
from paylink.providers.settlements import SettlementLine
from paylink.store.arrays import boolean_array, integer_array, text_array, uuid_array
from paylink.store.ids import new_id
from paylink.store.pages import Page, read_page
from paylink.store.unit_of_work import Row, UnitOfWork

LINE_FILTERS = ("account_id", "kind", "transaction_id", "unmatched")
IMPORT_FILTERS = ("account_id",)

_NAME_MAX = 500
_CURRENCY = re.compile(r"[A-Z]{3}\Z", re.ASCII)

Ranges = tuple[tuple[datetime, datetime], ...]
"""Ranges of time in their order, apart from each other; the end of each is not part of it."""


@dataclass(frozen=True)
class Stored:
    """How many of some lines were new, and how many of the known ones changed."""

    added: int = 0
    changed: int = 0

    def __add__(self, other: "Stored") -> "Stored":
        return Stored(self.added + other.added, self.changed + other.changed)


def check_line(line: SettlementLine) -> None:
    """
    Raises:
        ValueError: It is none that can be stored. The message repeats nothing of it.
    """
    names = [line.line_id, *(reference.value for reference in line.references)]
    if not all(map(is_printable, [*names, line.payout or ""])):
        raise ValueError("a name has characters that cannot be printed")
    if not all(0 < len(name.encode()) <= _NAME_MAX for name in [*names, line.payout or "-"]):
        raise ValueError(f"a name is empty or longer than {_NAME_MAX} bytes")
    if not all(map(_CURRENCY.match, [line.currency, line.paid_currency or line.currency])):
        raise ValueError("a currency is not three upper-case letters")


def try_lock_lines(uow: UnitOfWork, account_id: UUID) -> bool:
    """Take the right to store lines of an account until the transaction ends. False: another has it."""
    return bool(uow.one("try_lock_settlement_lines", account_id=account_id)["locked"])


def store_lines(
    uow: UnitOfWork, account_id: UUID, lines: Sequence[SettlementLine], *, import_id: UUID | None = None
) -> Stored:
    """
    Store lines of an account, each with a line_id of its own and checked by `check_line`. The right to do so must be
    held.

    What is stored already and unchanged stays as it is. An announced line takes its new figures, a settled one keeps
    its own: other ones are noted beside them as a contradiction.
    """
    if not lines:
        return Stored()
    row = uow.one(
        "store_settlement_lines",
        account_id=account_id,
        import_id=import_id,
        ids=uuid_array(new_id() for _ in lines),
        line_ids=text_array(line.line_id for line in lines),
        kinds=text_array(line.kind for line in lines),
        reference_kinds=text_array(text_array(named.kind for named in line.references) for line in lines),
        reference_values=text_array(text_array(named.value for named in line.references) for line in lines),
        amounts=integer_array(line.amount for line in lines),
        currencies=text_array(line.currency for line in lines),
        fees=integer_array(line.fee for line in lines),
        nets=integer_array(line.net for line in lines),
        paid_amounts=text_array(_figure(line.paid_amount) for line in lines),
        paid_currencies=text_array(line.paid_currency for line in lines),
        times=text_array(line.occurred_at.isoformat() for line in lines),
        settled=boolean_array(line.settled for line in lines),
        payouts=text_array(line.payout for line in lines),
    )
    return Stored(row["added"], row["changed"])


def insert_import(uow: UnitOfWork, account_id: UUID, file_name: str, imported_by: str) -> UUID:
    """Note that a file is being imported; what it brought is added at its end."""
    import_id = new_id()
    whose = {"id": import_id, "account_id": account_id, "imported_by": imported_by}
    uow.run("insert_settlement_import", file_name=file_name, **whose)
    return import_id


def finish_import(uow: UnitOfWork, import_id: UUID, sha256: bytes, read: int, stored: Stored) -> None:
    uow.run("finish_settlement_import", id=import_id, sha256=sha256, read=read, **vars(stored))


def add_coverage(uow: UnitOfWork, account_id: UUID, since: datetime, until: datetime) -> None:
    """Note that all lines of this time are stored; `until` is not part of it."""
    if since < until:
        uow.run("add_settlement_coverage", account_id=account_id, since=since, until=until)


def read_coverage(uow: UnitOfWork, account_id: UUID) -> Ranges:
    """Return the times of which all lines of an account are stored."""
    rows = uow.all("read_settlement_coverage", account_id=account_id)
    return tuple((row["since"], row["until"]) for row in rows)


def list_lines(uow: UnitOfWork, page: Page) -> tuple[list[Row], UUID | None]:
    """Return a page of an account's lines, those stored last first; `page.filters` are of LINE_FILTERS."""
    return read_page(uow, "list_settlement_lines", LINE_FILTERS, page)


def list_imports(uow: UnitOfWork, page: Page) -> tuple[list[Row], UUID | None]:
    """Return a page of imports, the newest first; `page.filters` are of IMPORT_FILTERS."""
    return read_page(uow, "list_settlement_imports", IMPORT_FILTERS, page)


def _figure(value: int | None) -> str | None:
    return None if value is None else str(value)
