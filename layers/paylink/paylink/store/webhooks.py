"""Stored webhooks: intake's one insert, and the life of an event until it has an outcome."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import psycopg2
from psycopg2 import errors

from paylink.providers.port import Assurance, Reference
from paylink.store.unit_of_work import UnitOfWork


@dataclass(frozen=True)
class NewWebhook:
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
    event_id: str
    assurance: Assurance
    attempts: int
    asked: int
    received_at: datetime
    body: bytes | None


def store_webhooks(uow: UnitOfWork, webhooks: Sequence[NewWebhook], *, lease_s: int, shard: int) -> set[UUID]:
    """
    Store deliveries and return the ids of those whose event is new; the others are appended as redeliveries.

    The events' keys must differ from each other within one call.
    """
    ordered = sorted(webhooks, key=lambda w: (w.account_id, w.event_id))
    rows = uow.all(
        "store_webhooks",
        ids=[w.id for w in ordered],
        account_ids=[w.account_id for w in ordered],
        event_ids=[w.event_id for w in ordered],
        credential_ids=[w.credential_id for w in ordered],
        assurances=[str(w.assurance) for w in ordered],
        bodies=[psycopg2.Binary(w.body) for w in ordered],
        headers=[json.dumps(dict(w.headers)) for w in ordered],
        lease_s=lease_s,
        shard=shard,
    )
    return {row["id"] for row in rows}


def claim_event(uow: UnitOfWork, event_row_id: UUID, *, lease_s: int) -> ClaimedEvent | None:
    """
    Count an attempt of an event and keep others away from it for the lease; None when there is nothing to do now.
    """
    row = uow.first("claim_event", id=event_row_id, lease_s=lease_s)
    if row is None:
        return None
    stored = uow.first("read_body", id=row["id"], received_at=row["received_at"])
    body = bytes(stored["body"]) if stored else None
    return ClaimedEvent(**(row | {"assurance": Assurance(row["assurance"]), "body": body}))


def lock_event(uow: UnitOfWork, event_row_id: UUID) -> bool:
    """Lock the event's row; tell whether it is still in flight."""
    return bool(uow.one("lock_event", id=event_row_id)["state"] == "in_flight")


def finish_event(
    uow: UnitOfWork,
    event_row_id: UUID,
    state: str,
    *,
    reason: str | None = None,
    event_type: str | None = None,
    transaction_id: UUID | None = None,
) -> None:
    """Give the event its outcome: applied, ignored or dead."""
    uow.run(
        "finish_event",
        id=event_row_id,
        state=state,
        reason=reason,
        event_type=event_type,
        transaction_id=transaction_id,
    )


def park_event(
    uow: UnitOfWork,
    event: ClaimedEvent,
    reason: str,
    *,
    event_type: str,
    transaction_id: UUID | None = None,
    references: Sequence[Reference] = (),
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
    asked: int,
    uncounted: int,
    event_type: str,
    transaction_id: UUID | None,
) -> None:
    """Leave the event in flight, due after `delay_s`. `uncounted` attempts are taken back: nobody's fault."""
    uow.run(
        "ask_again",
        id=event_row_id,
        delay_s=delay_s,
        asked=asked,
        uncounted=uncounted,
        event_type=event_type,
        transaction_id=transaction_id,
    )


def store_payload(uow: UnitOfWork, event: ClaimedEvent) -> None:
    """
    Keep the body as jsonb beside the raw bytes, or the reason why Postgres refuses it.

    `jsonb` cannot hold all that arrives: NUL characters, lone surrogates, NaN, huge numbers, deep nesting, no UTF-8.
    """
    try:
        with uow.savepoint():
            uow.run("store_payload", id=event.id, received_at=event.received_at)
    except (psycopg2.DataError, errors.StatementTooComplex) as exc:
        uow.run("refuse_payload", id=event.id, received_at=event.received_at, problem=type(exc).__name__)
