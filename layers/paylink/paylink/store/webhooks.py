"""Stored webhooks: intake's one insert, and the life of an event until it has an outcome."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple
from uuid import UUID

from paylink.providers.port import Assurance
from paylink.store.arrays import boolean_array, bytea_array, text_array, uuid_array
from paylink.store.shards import any_shard
from paylink.store.unit_of_work import Row, UnitOfWork

if TYPE_CHECKING:
    from paylink.providers.payments import Reference

LEDGER_SHARDS = 16
RELAYED_MAX = 3
"""An event whose messages were taken or lost so often is tried alone, and each try of it is counted."""


class NewWebhook(NamedTuple):
    """One verified delivery. `id` was made at its arrival."""

    id: UUID
    account_id: UUID
    event_id: str
    credential_id: UUID
    assurance: Assurance
    body: bytes
    headers: Mapping[str, str]


@dataclass(frozen=True)
class ClaimedEvent:
    """
    An event in flight. `attempts` counts this claim; `asked` how often the provider did not confirm it yet; `body` is
    None when it was dropped for its age.
    """

    id: UUID
    account_id: UUID
    provider: str
    event_id: str
    assurance: Assurance
    attempts: int
    asked: int
    received_at: datetime
    body: bytes | None


@dataclass(frozen=True)
class FreshEvent(ClaimedEvent):
    """One that nobody has tried yet. `waited_s` is how long it could have been worked at by then."""

    waited_s: float


def store_webhooks(
    uow: UnitOfWork, webhooks: Sequence[NewWebhook], *, lease_s: int, shard: int, again: bool = False
) -> set[UUID]:
    """
    Store deliveries and return the ids of those whose event is new; the others are appended as redeliveries.

    `again` says that these may have been committed a moment ago, and the answer lost: no delivery is counted twice.
    """
    stored: dict[UUID, bool] = {}
    if again:
        rows = uow.all("list_stored_webhooks", ids=uuid_array(w.id for w in webhooks))
        stored = {row["id"]: row["new"] for row in rows}
    missing = [w for w in webhooks if w.id not in stored]
    return _insert_webhooks(uow, missing, lease_s, shard) | {id for id, new in stored.items() if new}


def _insert_webhooks(uow: UnitOfWork, webhooks: Sequence[NewWebhook], lease_s: int, shard: int) -> set[UUID]:
    ordered = sorted(webhooks, key=lambda w: (w.account_id, w.event_id))
    keys = [(w.account_id, w.event_id) for w in ordered]
    rows = uow.all_prepared(
        "store_webhooks",
        ids=uuid_array(w.id for w in ordered),
        account_ids=uuid_array(w.account_id for w in ordered),
        event_ids=text_array(w.event_id for w in ordered),
        credential_ids=uuid_array(w.credential_id for w in ordered),
        assurances=text_array(w.assurance.value for w in ordered),
        bodies=bytea_array(w.body for w in ordered),
        headers=text_array(json.dumps(dict(w.headers)) for w in ordered),
        firsts=boolean_array(n == 0 or key != keys[n - 1] for n, key in enumerate(keys)),
        lease_s=lease_s,
        shard=shard,
    )
    return {row["id"] for row in rows}


def lock_fresh_events(uow: UnitOfWork, event_row_ids: Sequence[UUID]) -> list[FreshEvent]:
    """
    Lock the work of those that nobody has tried yet and whose bodies are signed as a whole; return them in the order of
    their arrival. What another works at is left out.
    """
    rows = uow.all_prepared("lock_fresh_events", ids=uuid_array(event_row_ids), relayed_max=RELAYED_MAX)
    return [FreshEvent(waited_s=row.pop("waited_s"), **_claim_of(row)) for row in rows]


def list_claimable(uow: UnitOfWork, event_row_ids: Sequence[UUID]) -> dict[UUID, float]:
    """Return those that are in flight and that nobody works at, in order, and how long each has waited, in seconds."""
    rows = uow.all("list_claimable", ids=uuid_array(event_row_ids))
    return {row["id"]: row["waited_s"] for row in rows}


def claim_event(uow: UnitOfWork, event_row_id: UUID, *, lease_s: int) -> ClaimedEvent | None:
    """
    Count an attempt of an event and keep others away from it for the lease; None when there is nothing to do now.
    """
    row = uow.first("claim_event", id=event_row_id, lease_s=lease_s)
    return None if row is None else ClaimedEvent(**_claim_of(row))


def lock_events(uow: UnitOfWork, event_row_ids: Sequence[UUID]) -> set[UUID]:
    """Lock the work of these events; return those that are still in flight."""
    return {row["id"] for row in uow.all("lock_events", ids=uuid_array(event_row_ids))}


@dataclass(frozen=True)
class Ending:
    """An event's good end. `state` is applied or ignored; the latter has a reason."""

    event_row_id: UUID
    state: str
    reason: str | None = None
    event_type: str | None = None
    transaction_id: UUID | None = None


def finish_events(uow: UnitOfWork, endings: Sequence[Ending]) -> None:
    """Give events that are in flight their end, and count it."""
    if not endings:
        return
    uow.run_prepared(
        "finish_events",
        ids=uuid_array(e.event_row_id for e in endings),
        states=text_array(e.state for e in endings),
        reasons=text_array(e.reason for e in endings),
        event_types=text_array(e.event_type for e in endings),
        transaction_ids=uuid_array(e.transaction_id for e in endings),
        shard=any_shard(LEDGER_SHARDS),
    )


def bury_event(uow: UnitOfWork, event_row_id: UUID, reason: str) -> bool:
    """
    Give up an event in flight: it is dead until a person, or its provider, brings it up again. False: it is not in
    flight any more.
    """
    return uow.run("bury_event", id=event_row_id, reason=reason) == 1


def park_event(
    uow: UnitOfWork,
    event: ClaimedEvent,
    reason: str,
    *,
    event_type: str,
    transaction_id: UUID | None = None,
    references: "Sequence[Reference]" = (),
    park_s: int,
) -> None:
    """Park an event: until one of `references` becomes known, or its time is up. Their locks must be held."""
    uow.run(
        "park_event",
        id=event.id,
        reason=reason,
        event_type=event_type,
        transaction_id=transaction_id,
        park_s=park_s,
    )
    if references:
        uow.run(
            "add_parked_references",
            id=event.id,
            account_id=event.account_id,
            kinds=[r.kind for r in references],
            values=[r.value for r in references],
        )


def ask_again(
    uow: UnitOfWork,
    event_row_id: UUID,
    *,
    delay_s: float,
    lease_s: float,
    asked: int,
    uncounted: int,
    event_type: str,
    transaction_id: UUID,
) -> None:
    """
    Leave the event in flight, claimable after `delay_s`, and due for the relay a lease later. `uncounted` attempts are
    taken back: nobody's fault.
    """
    uow.run(
        "ask_again",
        id=event_row_id,
        delay_s=delay_s,
        lease_s=lease_s,
        asked=asked,
        uncounted=uncounted,
        event_type=event_type,
        transaction_id=transaction_id,
    )


def reopen_events(uow: UnitOfWork, event_row_ids: Sequence[UUID]) -> dict[UUID, str]:
    """Put events that had come to an end in flight again; return those that it did, with the state that they had."""
    return {row["id"]: row["was"] for row in uow.all("reopen_events", ids=uuid_array(event_row_ids))}


def weigh_deliveries(uow: UnitOfWork, *, limit: int) -> tuple[int, list[UUID]]:
    """
    Look at redeliveries that nobody has looked at yet: return how many, and the given-up events that they tell of.
    """
    rows = uow.all("weigh_deliveries", limit=limit)
    return (rows[0]["weighed"] if rows else 0), [row["id"] for row in rows if row["id"] is not None]


def _claim_of(row: Row) -> Row:
    body = None if row["body"] is None else bytes(row["body"])
    return row | {"assurance": Assurance(row["assurance"]), "body": body}
