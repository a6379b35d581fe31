"""
A merchant's transactions by filters, the newest first.

The sharpest filter that has an index finds candidates in the list's order, and the others are checked on their rows.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg2.extras import Json

from paylink.core.money import AMOUNT_MAX
from paylink.store.arrays import text_array, uuid_array
from paylink.store.ids import LEAST_ID
from paylink.store.unit_of_work import Row, UnitOfWork

CHECKED_MAX = 5000
"""So many candidates are checked for one page, which may therefore come out short, or empty, and have a next one."""

_BATCH = 500
_FEW_AMOUNTS = 5000

_FACETS = frozenset({"provider", "currency", "states"})
_RANGE = frozenset({"amount_min", "amount_max"})
_CHECKED_BY = {
    "find_by_reference": frozenset({"order_reference"}),
    "find_by_metadata": frozenset({"metadata"}),
    "find_by_amount": frozenset({"amount", "currency"}),
    "find_by_amounts": _RANGE | {"currency"},
    "find_by_facet": _FACETS,
    "find_by_time": frozenset[str](),
}
_FILTERS = frozenset[str]().union(*_CHECKED_BY.values())

Position = tuple[datetime, UUID]
"""Of a transaction in the list: when it was created, and its id."""


@dataclass(frozen=True)
class TransactionFilter:
    """Which transactions are wanted; None does not narrow. `since` is included, `until` and `after` are not."""

    states: tuple[str, ...] | None = None
    provider: str | None = None
    currency: str | None = None
    order_reference: str | None = None
    amount: int | None = None
    amount_min: int | None = None
    amount_max: int | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    since: datetime | None = None
    until: datetime | None = None
    after: Position | None = None
    limit: int = 50


def list_transactions(
    uow: UnitOfWork, merchant_id: UUID, wanted: TransactionFilter
) -> tuple[list[Row], Position | None]:
    """Return a page, and the position after which the next one begins when there may be one."""
    conditions = _conditions(merchant_id, wanted)
    query, exact = _query(uow, wanted, conditions)
    size = wanted.limit + 1 if exact else _BATCH
    page: list[Row] = []
    for candidates in _candidates(uow, query, conditions, wanted, size):
        ids = uuid_array(row["id"] for row in candidates)
        page += uow.all("list_matching", ids=ids, **conditions) if candidates else []
        if len(page) > wanted.limit:
            page = page[: wanted.limit]
            return page, (page[-1]["created_at"], page[-1]["id"])
        if len(candidates) < size:
            return page, None
        last = candidates[-1]
    return page, (last["created_at"], last["id"])


def _candidates(
    uow: UnitOfWork, query: str, conditions: dict[str, Any], wanted: TransactionFilter, size: int
) -> Iterator[list[Row]]:
    ends: list[Position] = [] if wanted.until is None else [(wanted.until, LEAST_ID)]
    if wanted.after is not None:
        ends.append(wanted.after)
    before: tuple[datetime | str, UUID] = min(ends) if ends else ("infinity", LEAST_ID)
    for _ in range(0, CHECKED_MAX, size):
        rows = uow.all(
            query,
            **conditions,
            since=wanted.since or "-infinity",
            before_at=before[0],
            before_id=before[1],
            limit=size,
        )
        yield rows
        before = (rows[-1]["created_at"], rows[-1]["id"])


def _query(uow: UnitOfWork, wanted: TransactionFilter, conditions: dict[str, Any]) -> tuple[str, bool]:
    """Return how candidates are found, and whether all that are found so will do."""
    given = {name for name, value in vars(wanted).items() if value and name in _FILTERS}
    if "order_reference" in given:
        query = "find_by_reference"
    elif "metadata" in given:
        query = "find_by_metadata"
    elif "amount" in given:
        query = "find_by_amount"
    elif given & _RANGE and uow.one("count_amounts", **conditions, most=_FEW_AMOUNTS + 1)["found"] <= _FEW_AMOUNTS:
        query = "find_by_amounts"
    elif given & _FACETS:
        query = "find_by_facet"
    else:
        query = "find_by_time"
    return query, given <= _CHECKED_BY[query] and len(wanted.metadata) < 2


def _conditions(merchant_id: UUID, wanted: TransactionFilter) -> dict[str, Any]:
    name, value = next(iter(wanted.metadata.items()), ("", ""))
    return {
        "merchant_id": merchant_id,
        "provider": wanted.provider,
        "currency": wanted.currency,
        "states": None if wanted.states is None else text_array(wanted.states),
        "order_reference": wanted.order_reference,
        "amount": wanted.amount,
        "amount_min": 0 if wanted.amount_min is None else wanted.amount_min,
        "amount_max": AMOUNT_MAX if wanted.amount_max is None else wanted.amount_max,
        "metadata": Json(dict(wanted.metadata)),
        "entry": f"{name}={value}",
    }
