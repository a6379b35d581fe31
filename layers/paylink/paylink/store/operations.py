"""What operators look for among the stored events, and the trail that they leave."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from paylink.store.ids import GREATEST_ID, LEAST_ID, least_id_at, new_id
from paylink.store.unit_of_work import Row, UnitOfWork

EVENT_STATES = ("in_flight", "applied", "ignored", "parked", "dead")
_UNFINISHED = frozenset({"in_flight", "parked", "dead"})

_CLOCKS_APART_S = 24 * 3600
"""An id tells the time of the process that took the event in, `received_at` that of the database."""


@dataclass(frozen=True)
class EventFilter:
    """Which events are wanted; None does not narrow. `since` is included, `until` is not, nor is the event `cursor`."""

    state: str | None = None
    reason: str | None = None
    provider: str | None = None
    account: str | None = None
    event_id: str | None = None
    transaction_id: UUID | None = None
    since: datetime | None = None
    until: datetime | None = None
    cursor: UUID | None = None
    limit: int = 50


def list_events(uow: UnitOfWork, wanted: EventFilter) -> tuple[list[Row], UUID | None]:
    """Return a page of events, the newest first, and the cursor of the next page when there is one."""
    if wanted.transaction_id is not None:
        query = "list_events_of_transaction"
    elif wanted.state in _UNFINISHED:
        query = "list_unfinished_events"
    else:
        query = "list_stored_events"
    above, below = id_range(wanted)
    parameters = _filters(wanted) | {"above": above, "below": min(below, wanted.cursor or GREATEST_ID)}
    rows = uow.all(query, **parameters, limit=wanted.limit + 1)
    page = rows[: wanted.limit]
    return page, page[-1]["id"] if len(rows) > len(page) else None


def list_stored_bodies(uow: UnitOfWork, wanted: EventFilter) -> list[Row]:
    """Return a page of events with body and headers, the oldest first: those after `cursor`."""
    above, below = id_range(wanted)
    parameters = _filters(wanted) | {"above": max(above, wanted.cursor or LEAST_ID), "below": below}
    return uow.all("list_stored_bodies", **parameters, limit=wanted.limit)


def id_range(wanted: EventFilter) -> tuple[UUID, UUID]:
    """Return ids between which all events of a time lie, so that a table ordered by id need not be read whole."""
    above = LEAST_ID if wanted.since is None else least_id_at(wanted.since, -_CLOCKS_APART_S)
    return above, GREATEST_ID if wanted.until is None else least_id_at(wanted.until, _CLOCKS_APART_S)


def _filters(wanted: EventFilter) -> dict[str, Any]:
    return {name: value for name, value in vars(wanted).items() if name not in ("cursor", "limit")}


def write_replays(uow: UnitOfWork, was: Iterable[Row], *, replayed_by: str) -> None:
    """Note who brought these events up again; each row has the id, state and reason from before."""
    rows = list(was)
    uow.run(
        "insert_event_replays",
        ids=[new_id() for _ in rows],
        event_row_ids=[row["id"] for row in rows],
        was_states=[row["state"] for row in rows],
        was_reasons=[row["reason"] for row in rows],
        replayed_by=replayed_by,
    )
