"""
Events by filters, the newest first.

The sharpest filter that has an index finds candidates in the list's order, and the others are checked on their rows.
"""

from uuid import UUID

from paylink.store.arrays import uuid_array
from paylink.store.ids import GREATEST_ID
from paylink.store.operations import EventFilter, filters_of, id_range
from paylink.store.unit_of_work import Row, UnitOfWork

CHECKED_MAX = 5000
"""So many candidates are checked for one page, which may therefore come out short, or empty, and have a next one."""

_BATCH = 500

_ACCOUNTS = frozenset({"merchant_id", "provider", "account"})
_CHECKED_BY = {
    "find_events_of_transaction": frozenset({"transaction_id", "merchant_id"}),
    "find_events_by_event_id": _ACCOUNTS | {"event_id"},
    "find_ended_events": _ACCOUNTS | {"state"},
    "find_unfinished_events": frozenset[str](),
    "find_events_of_accounts": _ACCOUNTS,
    "find_events": frozenset[str](),
}


def list_events(uow: UnitOfWork, wanted: EventFilter) -> tuple[list[Row], UUID | None]:
    """Return a page of events, the newest first, and the cursor of the next page when there may be one."""
    filters = filters_of(wanted)
    query = _query(wanted)
    exact = {name for name, value in filters.items() if value is not None} <= _CHECKED_BY[query]
    size = wanted.limit + 1 if exact else _BATCH
    above, below = id_range(wanted)
    below = min(below, wanted.cursor or GREATEST_ID)
    page: list[Row] = []
    for _ in range(0, CHECKED_MAX, size):
        found = [row["id"] for row in uow.all(query, **filters, above=above, below=below, limit=size)]
        page += uow.all("list_matching_events", ids=uuid_array(found), **filters) if found else []
        if len(page) > wanted.limit:
            page = page[: wanted.limit]
            return page, page[-1]["id"]
        if len(found) < size:
            return page, None
        below = found[-1]
    return page, below


def _query(wanted: EventFilter) -> str:
    """Return how candidates are found. Those of a merchant are found among its own, however many others have."""
    if wanted.transaction_id is not None:
        return "find_events_of_transaction"
    if wanted.event_id is not None:
        return "find_events_by_event_id"
    if wanted.state in ("parked", "dead"):
        return "find_ended_events"
    if wanted.state == "in_flight" and wanted.merchant_id is None:
        return "find_unfinished_events"
    by_account = any(vars(wanted)[name] is not None for name in _ACCOUNTS)
    return "find_events_of_accounts" if by_account else "find_events"
