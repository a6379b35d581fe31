"""The relay: what is stored and due gets a queue message again, so that losing the queue loses nothing."""

from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from uuid import UUID

from paylink.core.errors import StorageUnavailable
from paylink.core.tracing import NO_TRACES, going_on
from paylink.services.one_event import send_letter
from paylink.services.ports import Parts
from paylink.store import webhooks
from paylink.store.unit_of_work import UnitOfWork

LEASE_S = 60
BATCH = 500
KEY_HOURS = 72
DEPTH_MAX = 200
"""Messages in the queue above which the relay adds one batch only; each holds up to a hundred events."""

_ROUNDS_MAX = 20


@dataclass(frozen=True)
class Relayed:
    queued: int
    unmatched: int


class Relay:
    def __init__(self, parts: Parts, *, raw_body_days: int) -> None:
        self._parts = parts
        self._raw_body_days = raw_body_days

    def relay(self) -> Relayed:
        """
        Queue what is due, reopen what was given up and is told again, send dead letters that were not sent, end what
        was parked too long, and keep the partitions. Safe to run twice at once.

        Raises:
            StorageUnavailable: The database cannot answer.
        """
        queued = self._queue_due()
        self._reopen_told_again()
        for row in self._parts.database.run(lambda uow: uow.all("claim_due_letters", limit=BATCH), one_statement=True):
            send_letter(self._parts, row["id"], row["reason"])
        ended = self._parts.database.run(lambda uow: uow.all("expire_parked", limit=BATCH))
        for row in ended:
            self._parts.alerts.alert("parked_too_long", event_row_id=row["id"], reason=row["reason"])
        self._keep_house()
        return Relayed(queued, len(ended))

    def _queue_due(self) -> int:
        """Queue what is due, as long as the queue is short: more messages would not be worked at any sooner."""
        queued = 0
        for number in range(_ROUNDS_MAX):
            depth = self._parts.queue.depth()
            # The oldest batch always: behind a queue that stays long it would wait for ever.
            if number and (depth or 0) > DEPTH_MAX:
                break
            # Behind a queue that holds none, somebody took their messages and did not come to an end.
            claim = partial(_claim_due, counted=1 if depth == 0 else 0)
            due = self._parts.database.run(claim)
            # Where they stood in their own traces is not stored. Of a long backlog the first are traced.
            self._parts.queue.send(due, traces=NO_TRACES if number else going_on(due))
            queued += len(due)
            if len(due) < BATCH:
                break
        return queued

    def _reopen_told_again(self) -> None:
        """What was given up on and is told again by its provider gets another chance."""

        def work(uow: UnitOfWork) -> tuple[int, list[UUID]]:
            weighed, event_row_ids = webhooks.weigh_deliveries(uow, limit=BATCH)
            return weighed, list(webhooks.reopen_events(uow, event_row_ids)) if event_row_ids else []

        for number in range(_ROUNDS_MAX):
            weighed, reopened = self._parts.database.run(work)
            self._parts.queue.send(reopened, traces=NO_TRACES if number else going_on(reopened))
            if weighed < BATCH:
                return

    def _keep_house(self) -> None:
        """Each on its own, and none behind a long reader: intake would have to wait behind it too."""
        days = {"days": self._raw_body_days}
        duties: list[tuple[str, dict[str, int]]] = [
            ("ensure_body_partitions", {}),
            ("drop_old_body_partitions", days),
            ("delete_old_rest_bodies", days),
            ("delete_old_keys", {"hours": KEY_HOURS}),
            ("delete_old_operator_requests", {"hours": KEY_HOURS}),
        ]
        for query, parameters in duties:
            # Locked by others, or the database went away just now: the next run does it.
            with suppress(StorageUnavailable):
                self._parts.database.run(partial(_do, query=query, parameters=parameters))


def _claim_due(uow: UnitOfWork, counted: int) -> list[UUID]:
    return [row["id"] for row in uow.all("claim_due_events", limit=BATCH, lease_s=LEASE_S, counted=counted)]


def _do(uow: UnitOfWork, query: str, parameters: dict[str, int]) -> None:
    uow.run("wait_briefly_for_locks")
    uow.run(query, **parameters)
