"""Webhooks to send and the record of every try. An entry is written in the transaction that caused it."""

import json
import sqlite3
import time
from collections.abc import Callable
from dataclasses import dataclass

from paylink_sandbox.errors import NotFound
from paylink_sandbox.faults import Fault, Faults
from paylink_sandbox.store import Store

_ANSWERS_WITHIN_S = 10.0
_REORDER_GAP_S = 0.25
"""Time between two webhooks that are sent newest first: enough for the earlier one to be answered."""


@dataclass(frozen=True)
class Event:
    """
    Something that a provider tells the merchant.

    wrong_amount: makes the body that the fault `webhook_wrong_amount` sends in its place.
    """

    provider: str
    id: str
    type: str
    reference: str | None
    url: str
    body: bytes
    wrong_amount: Callable[[], bytes]


@dataclass(frozen=True)
class Attempt:
    """One try. status_code is None when no answer came; signed_with names the secrets, it never holds them."""

    number: int
    at: float
    duration_ms: int
    status_code: int | None
    error: str | None
    answer: str | None
    signed_with: tuple[str, ...]


@dataclass(frozen=True)
class Delivery:
    """state: pending, delivered, failed (the schedule ran out) or dropped (lost on purpose)."""

    id: int
    provider: str
    event_id: str
    event_type: str
    reference: str | None
    url: str
    body: bytes
    state: str
    failures: int
    created_at: float
    due_at: float
    attempts: tuple[Attempt, ...]


class Deliveries:
    """`on_change` is called once new work is on disk."""

    def __init__(self, store: Store, faults: Faults, clock: Callable[[], float]) -> None:
        self._store = store
        self._faults = faults
        self._clock = clock
        self.on_change: Callable[[], None] = lambda: None

    def enqueue(self, event: Event, copies: int = 1) -> None:
        """Plan the webhook for now, bent by the armed fault knobs."""

        def fault(kind: str) -> Fault | None:
            return self._faults.take(kind, event.provider, event.type)

        now = self._clock()
        body = event.wrong_amount() if fault("webhook_wrong_amount") else event.body
        if duplicate := fault("webhook_duplicate"):
            copies += int(duplicate.value or 0)
        due_at, held, state = now, False, "pending"
        if delay := fault("webhook_delay"):
            due_at = now + (delay.value or 0)
        if reorder := fault("webhook_reorder"):
            due_at, held = self._before_held(event, now, reorder.value or 0), True
        if fault("webhook_drop"):
            state = "dropped"
        row = {
            "provider": event.provider,
            "event_id": event.id,
            "event_type": event.type,
            "reference": event.reference,
            "url": event.url,
            "body": body,
            "state": state,
            "held": held,
            "created_at": now,
            "due_at": due_at,
        }
        for _ in range(copies):
            self._store.insert("deliveries", row)
        self._store.after_commit(self._changed)

    def _before_held(self, event: Event, now: float, hold_s: float) -> float:
        row = self._store.row(
            "SELECT min(due_at) AS due_at FROM deliveries WHERE state = 'pending' AND held AND reference IS ?",
            (event.reference,),
        )
        if row is None or row["due_at"] is None:
            return now + hold_s
        return float(max(now, row["due_at"] - _REORDER_GAP_S))

    def due(self, now: float, limit: int) -> list[Delivery]:
        rows = self._store.rows(
            "SELECT * FROM deliveries WHERE state = 'pending' AND due_at <= ? ORDER BY due_at, id LIMIT ?", (now, limit)
        )
        return [self._with_attempts(row) for row in rows]

    def next_due_at(self, after: float) -> float | None:
        row = self._store.row(
            "SELECT min(due_at) AS due_at FROM deliveries WHERE state = 'pending' AND due_at > ?", (after,)
        )
        return row["due_at"] if row else None

    def record(self, delivery: Delivery, attempt: Attempt, retry_at: float | None, delivered: bool) -> None:
        """Write down a try and what follows from it: done, again at `retry_at`, or given up."""
        state = "delivered" if delivered else "failed" if retry_at is None else "pending"
        with self._store.transaction():
            changed = self._store.execute(
                "UPDATE deliveries SET state = ?, failures = ?, held = 0, due_at = ? WHERE id = ?",
                (state, delivery.failures + (not delivered), retry_at or delivery.due_at, delivery.id),
            )
            if not changed:
                return  # the state was reset during the call
            row = {**vars(attempt), "delivery_id": delivery.id, "signed_with": json.dumps(attempt.signed_with)}
            self._store.insert("attempts", row)

    def resend(self, delivery_id: int) -> Delivery:
        """Send once more, now; a failure begins the retry schedule anew. Raises NotFound."""
        with self._store.transaction():
            changed = self._store.execute(
                "UPDATE deliveries SET state = 'pending', failures = 0, held = 0, due_at = ? WHERE id = ?",
                (self._clock(), delivery_id),
            )
            if not changed:
                raise NotFound(f"no delivery {delivery_id}")
            self._store.after_commit(self._changed)
            row = self._store.rows("SELECT * FROM deliveries WHERE id = ?", (delivery_id,))[0]
            return self._with_attempts(row)

    def listed(self, reference: str | None = None, limit: int = -1) -> list[Delivery]:
        """Newest first, with their attempts."""
        if reference is None:
            rows = self._store.rows("SELECT * FROM deliveries ORDER BY id DESC LIMIT ?", (limit,))
        else:
            rows = self._store.rows(
                "SELECT * FROM deliveries WHERE reference = ? ORDER BY id DESC LIMIT ?", (reference, limit)
            )
        return [self._with_attempts(row) for row in rows]

    def await_answers(self, provider: str, reference: str | None) -> None:
        """Wait until every webhook of a reference has had its first answer, ten seconds at most."""
        deadline = time.monotonic() + _ANSWERS_WITHIN_S
        while self._unanswered(provider, reference) and time.monotonic() < deadline:
            time.sleep(0.02)

    def _unanswered(self, provider: str, reference: str | None) -> int:
        row = self._store.rows(
            "SELECT count(*) AS waiting FROM deliveries WHERE provider = ? AND reference IS ? AND state = 'pending'"
            " AND failures = 0",
            (provider, reference),
        )[0]
        return int(row["waiting"])

    def pending_of_event(self, provider: str, event_id: str) -> int:
        row = self._store.rows(
            "SELECT count(*) AS waiting FROM deliveries WHERE provider = ? AND event_id = ? AND state = 'pending'",
            (provider, event_id),
        )[0]
        return int(row["waiting"])

    def event_ids(self, provider: str, *, delivered: bool) -> list[str]:
        """Events of which a delivery succeeded, or of which none did."""
        rows = self._store.rows(
            "SELECT event_id FROM deliveries WHERE provider = ? GROUP BY event_id HAVING max(state = 'delivered') = ?",
            (provider, delivered),
        )
        return [row["event_id"] for row in rows]

    def _with_attempts(self, row: sqlite3.Row) -> Delivery:
        rows = self._store.rows("SELECT * FROM attempts WHERE delivery_id = ? ORDER BY number", (row["id"],))
        return _delivery(row, tuple(_attempt(found) for found in rows))

    def _changed(self) -> None:
        self.on_change()


def _attempt(row: sqlite3.Row) -> Attempt:
    return Attempt(
        row["number"], row["at"], row["duration_ms"], row["status_code"], row["error"], row["answer"],
        tuple(json.loads(row["signed_with"])),
    )  # fmt: skip


def _delivery(row: sqlite3.Row, attempts: tuple[Attempt, ...]) -> Delivery:
    return Delivery(
        row["id"], row["provider"], row["event_id"], row["event_type"], row["reference"], row["url"],
        bytes(row["body"]), row["state"], row["failures"], row["created_at"], row["due_at"], attempts,
    )  # fmt: skip
