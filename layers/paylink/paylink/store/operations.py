"""What operators and merchants look for among the stored events, and the trail that operators leave."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from paylink.store.ids import GREATEST_ID, LEAST_ID, least_id_at, new_id
from paylink.store.unit_of_work import Row, UnitOfWork

EVENT_STATES = ("in_flight", "applied", "ignored", "parked", "dead")

_CLOCKS_APART_S = 15 * 60
"""
An id tells the time of the process that took the event in, `received_at` that of the database. A clock further from the
right time is refused by AWS whatever it asks.
"""


@dataclass(frozen=True)
class EventFilter:
    """Which events are wanted; None does not narrow. `since` is included, `until` is not, nor is the event `cursor`."""

    state: str | None = None
    reason: str | None = None
    provider: str | None = None
    account: str | None = None
    event_id: str | None = None
    transaction_id: UUID | None = None
    merchant_id: UUID | None = None
    since: datetime | None = None
    until: datetime | None = None
    cursor: UUID | None = None
    limit: int = 50


def list_stored_bodies(uow: UnitOfWork, wanted: EventFilter) -> list[Row]:
    """Return a page of events with body and headers, the oldest first: those after `cursor`."""
    above, below = id_range(wanted)
    parameters = filters_of(wanted) | {"above": max(above, wanted.cursor or LEAST_ID), "below": below}
    return uow.all("list_stored_bodies", **parameters, limit=wanted.limit)


def id_range(wanted: EventFilter) -> tuple[UUID, UUID]:
    """Return ids between which all events of a time lie, so that a table ordered by id need not be read whole."""
    above = LEAST_ID if wanted.since is None else least_id_at(wanted.since, -_CLOCKS_APART_S)
    return above, GREATEST_ID if wanted.until is None else least_id_at(wanted.until, _CLOCKS_APART_S)


def filters_of(wanted: EventFilter) -> dict[str, Any]:
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
