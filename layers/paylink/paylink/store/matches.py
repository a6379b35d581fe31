"""What settlement matching reads: both sides of each transaction in one moment, page by page."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from paylink.core.refunds import RefundState
from paylink.core.statements import OurRefund, OurTransaction, TheirLine
from paylink.core.states import Dispute, State
from paylink.providers.settlements import REFUND_REFERENCE
from paylink.store.arrays import integer_array, uuid_array
from paylink.store.ids import LEAST_ID
from paylink.store.unit_of_work import Row, UnitOfWork

Position = tuple[datetime, UUID]
"""A place in an order by time and id."""


@dataclass(frozen=True)
class Window:
    """The time in which matched transactions began, or their lines occurred. `until` is not in it."""

    since: datetime
    until: datetime

    def __contains__(self, moment: datetime) -> bool:
        return self.since <= moment < self.until


@dataclass(frozen=True)
class Match:
    """A transaction and all lines of it in one account. `in_flight`: what is known of it is about to change."""

    ours: OurTransaction
    lines: tuple[TheirLine, ...]
    version: int
    in_flight: bool


def resolve_lines(
    uow: UnitOfWork, account_id: UUID, window: Window, after: Position | None, limit: int
) -> Position | None:
    """Note whose lines these are, for one page of those that belong to nothing so far; return where the next begins."""
    kinds = {"refund_reference": REFUND_REFERENCE}
    rows = _page(uow, "resolve_settlement_lines", window, after, limit, account_id=account_id, **kinds)
    return (rows[-1]["occurred_at"], rows[-1]["id"]) if len(rows) == limit else None


def list_transactions(
    uow: UnitOfWork, merchant_id: UUID, window: Window, after: Position | None, limit: int
) -> tuple[list[Row], Position | None]:
    """Return a page of a merchant's transactions as id and account_id, and where the next page begins."""
    rows = _page(uow, "list_transactions_to_match", window, after, limit, merchant_id=merchant_id)
    return rows, (rows[-1]["created_at"], rows[-1]["id"]) if len(rows) == limit else None


def list_lines(
    uow: UnitOfWork, account_id: UUID, window: Window, after: Position | None, limit: int
) -> tuple[list[Row], Position | None]:
    """Return a page of an account's lines, each with who holds the transaction that it belongs to, if it has one."""
    rows = _page(uow, "list_lines_to_match", window, after, limit, account_id=account_id)
    return rows, (rows[-1]["occurred_at"], rows[-1]["id"]) if len(rows) == limit else None


def read_matches(uow: UnitOfWork, account_id: UUID, ids: Sequence[UUID]) -> list[Match]:
    rows = uow.all("read_transactions_to_match", account_id=account_id, ids=uuid_array(ids))
    return [_match(row, account_id) for row in rows]


def list_moved(uow: UnitOfWork, matches: Sequence[Match]) -> set[UUID]:
    """Return the transactions of which something has changed since they were read."""
    rows = uow.all(
        "list_moved_transactions",
        ids=uuid_array(match.ours.id for match in matches),
        versions=integer_array(match.version for match in matches),
    )
    return {row["id"] for row in rows}


def their_line(row: Mapping[str, Any]) -> TheirLine:
    """Return a line from its row; one that came as JSON has texts for its ids and its time."""
    occurred_at = row["occurred_at"]
    return TheirLine(
        id=_id(row["id"]),
        line_id=row["line_id"],
        kind=row["kind"],
        references=frozenset(zip(row["reference_kinds"], row["reference_values"], strict=True)),
        amount=row["amount"],
        currency=row["currency"],
        fee=row["fee"],
        net=row["net"],
        paid_amount=row["paid_amount"],
        paid_currency=row["paid_currency"],
        occurred_at=datetime.fromisoformat(occurred_at) if isinstance(occurred_at, str) else occurred_at,
        settled=row["settled"],
        payout=row["payout"],
        contradiction=row["contradiction"],
        refund_id=_id(row["refund_id"]) if row["refund_id"] else None,
    )


def _page(
    uow: UnitOfWork, query: str, window: Window, after: Position | None, limit: int, **parameters: object
) -> list[Row]:
    at, id_ = after or (window.since, LEAST_ID)
    return uow.all(query, **parameters, since=window.since, until=window.until, after_at=at, after_id=id_, limit=limit)


def _match(row: Row, account_id: UUID) -> Match:
    ours = OurTransaction(
        id=row["id"],
        state=State(row["state"]),
        currency=row["currency"],
        captured=row["captured"],
        refunded=row["refunded"],
        dispute=Dispute(row["dispute"]) if row["dispute"] else None,
        created_at=row["created_at"],
        captured_at=row["captured_at"],
        refunded_at=row["refunded_at"],
        disputed_at=row["disputed_at"],
        refunds=tuple(map(_refund, row["refunds"] or ())),
        paid_attempt_id=row["paid_attempt_id"],
        elsewhere=row["account_id"] != account_id,
    )
    return Match(ours, tuple(map(their_line, row["lines"] or ())), row["version"], row["in_flight"])


def _refund(told: dict[str, Any]) -> OurRefund:
    created_at, ended_at = (datetime.fromisoformat(told[name]) for name in ("created_at", "ended_at"))
    return OurRefund(UUID(told["id"]), told["amount"], RefundState(told["state"]), created_at, ended_at)


def _id(value: UUID | str) -> UUID:
    return value if isinstance(value, UUID) else UUID(value)
