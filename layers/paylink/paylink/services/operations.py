"""Events: operators look at all of them and bring up again what had come to an end, merchants look at their own."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from uuid import UUID

from paylink.core.errors import BodyGone, NotFound
from paylink.core.tracing import going_on
from paylink.services.ports import Parts
from paylink.services.times import iso
from paylink.store import webhooks
from paylink.store.event_listing import list_events
from paylink.store.operations import EventFilter, write_replays
from paylink.store.unit_of_work import Row, UnitOfWork


@dataclass(frozen=True)
class Replayed:
    """What became of a wish to replay. `was_state` is `in_flight` when nothing was done, for it is under way anyway."""

    event_row_id: UUID
    was_state: str
    was_reason: str | None

    @property
    def queued(self) -> bool:
        return self.was_state != "in_flight"


@dataclass(frozen=True)
class Redriven:
    """One page of dead events: those in flight again, those without a body, and where the next page begins."""

    redriven: Sequence[UUID]
    body_gone: Sequence[UUID] = field(default=())
    next_cursor: UUID | None = None


class Operations:
    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def list_events(self, wanted: EventFilter) -> dict[str, object]:
        """
        Return a page of events, the newest first. It may come out short, or empty, and have a next one.

        Raises:
            RateLimited, Overloaded: Too many lists are read at once.
            StorageUnavailable: The database cannot answer.
        """
        read = partial(list_events, wanted=wanted)
        rows, cursor = self._parts.database.read_list(read, owner=wanted.merchant_id)
        return {"events": [_overview(row) for row in rows], "next_cursor": str(cursor) if cursor else None}

    def show_event(
        self, event_row_id: UUID, *, with_body: bool = False, dead: bool = False, merchant_id: UUID | None = None
    ) -> dict[str, object]:
        """
        Return one event with what happened to it; with `dead`, only a dead one. The body holds personal data.

        With `merchant_id` only an event of that merchant's accounts, without what concerns operators alone: the secret
        that verified it, and who replayed it.

        Raises:
            NotFound: There is none.
            StorageUnavailable: The database cannot answer.
        """

        def work(uow: UnitOfWork) -> dict[str, object]:
            row = uow.first("read_event", id=event_row_id)
            if row is None or merchant_id not in (None, row["merchant_id"]):
                raise NotFound(_no_such(None))
            if dead and row["state"] != "dead":
                raise NotFound(_no_such(row))
            event = _overview(row) | {
                "assurance": row["assurance"],
                "redelivered": row["redelivered"],
                "redelivered_at": iso(row["redelivered_at"]),
                "next_attempt_at": iso(row["next_attempt_at"]),
                "parked_until": iso(row["parked_until"]),
                "waits_for": [f"{r['kind']} {r['value']}" for r in uow.all("list_awaited_references", id=event_row_id)],
                "has_body": row["has_body"],
            }
            if merchant_id is None:
                event |= {
                    "verified_with": {"credential_id": str(row["credential_id"]), "field": row["field"]},
                    "replays": [_replay(r) for r in uow.all("list_event_replays", id=event_row_id)],
                }
            return event | _body(uow.first("read_event_body", id=event_row_id)) if with_body else event

        return self._parts.database.run(work)

    def replay(self, event_row_id: UUID, *, replayed_by: str, dead: bool = False) -> Replayed:
        """
        Put an event that had come to an end in flight again and queue it; with `dead`, only a dead one.

        Raises:
            NotFound: There is none.
            BodyGone: Its body was dropped for its age.
            StorageUnavailable: The database cannot answer.
        """

        def work(uow: UnitOfWork) -> Replayed:
            row = uow.first("lock_replayable", ids=[event_row_id])
            if row is None or (dead and row["state"] not in ("dead", "in_flight")):
                raise NotFound(_no_such(row))
            if row["state"] != "in_flight":
                if not row["has_body"]:
                    raise BodyGone("bodies are dropped after PAYLINK_RAW_BODY_DAYS")
                _reopen(uow, [row], replayed_by)
            return Replayed(event_row_id, row["state"], row["reason"])

        replayed = self._parts.database.run(work)
        if replayed.queued:
            self._parts.queue.send([event_row_id], traces=going_on([event_row_id]))
        return replayed

    def redrive(self, wanted: EventFilter, *, replayed_by: str) -> Redriven:
        """
        Put a page of the dead events in flight again and queue them.

        Raises:
            StorageUnavailable: The database cannot answer.
        """

        def work(uow: UnitOfWork) -> Redriven:
            page, cursor = list_events(uow, replace(wanted, state="dead"))
            held = uow.all("lock_replayable", ids=[row["id"] for row in page])
            dead = [row for row in held if row["state"] == "dead"]
            whole = [row for row in dead if row["has_body"]]
            _reopen(uow, whole, replayed_by)
            gone = [row["id"] for row in dead if not row["has_body"]]
            return Redriven([row["id"] for row in whole], gone, cursor)

        redriven = self._parts.database.run(work)
        self._parts.queue.send(redriven.redriven, traces=going_on(redriven.redriven))
        return redriven


def _reopen(uow: UnitOfWork, rows: Sequence[Row], replayed_by: str) -> None:
    webhooks.reopen_events(uow, [row["id"] for row in rows])
    write_replays(uow, rows, replayed_by=replayed_by)


def _no_such(row: Row | None) -> str:
    return "there is no such event" if row is None else f"this event is not dead: it is {row['state']}"


def _overview(row: Row) -> dict[str, object]:
    return {
        "id": str(row["id"]),
        "provider": row["provider"],
        "account": row["account"],
        "event_id": row["event_id"],
        "type": row["event_type"],
        "state": row["state"],
        "reason": row["reason"],
        "transaction_id": str(row["transaction_id"]) if row["transaction_id"] else None,
        "attempts": row["attempts"],
        "received_at": iso(row["received_at"]),
        "finished_at": iso(row["finished_at"]),
    }


def _replay(row: Row) -> dict[str, object]:
    return {
        "at": iso(row["replayed_at"]),
        "by": row["replayed_by"],
        "was_state": row["was_state"],
        "was_reason": row["was_reason"],
    }


def _body(row: Row | None) -> dict[str, object]:
    """The bytes as text, or in base64 where they are none."""
    if row is None:
        return {"body": None, "headers": None}
    raw = bytes(row["body"])
    try:
        return {"body": raw.decode(), "headers": row["headers"]}
    except UnicodeDecodeError:
        return {"body_base64": base64.b64encode(raw).decode(), "headers": row["headers"]}
