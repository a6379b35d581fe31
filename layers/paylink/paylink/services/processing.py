"""Webhook processing: each stored event gets one outcome, and moves money at most once."""

import time
from collections.abc import Mapping, Sequence
from functools import partial
from uuid import UUID

from paylink.core.errors import StorageUnavailable
from paylink.core.log_ids import log_ids
from paylink.core.metrics import EVENT_PROCESSING, EVENT_WAIT
from paylink.core.tracing import NO_TRACES, Place, Span, Traces, current_span, going_on, working_for
from paylink.providers.payments import ProviderEvent
from paylink.services.event_set import SetWritten, write_set
from paylink.services.one_event import OneEvent
from paylink.services.ports import Parts
from paylink.store import webhooks
from paylink.store.unit_of_work import UnitOfWork
from paylink.store.webhooks import ClaimedEvent

CLAIM_LEASE_S = 60
SET_MAX = 100

_ROW_ID = "paylink.event_row_id"


class Processing:
    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._one_event = OneEvent(parts)

    def process(
        self, event_row_ids: Sequence[UUID], *, one_by_one: bool = False, traces: Traces = NO_TRACES
    ) -> set[UUID]:
        """
        Give each event an outcome or a later due time; return those that failed unexpectedly: send them again.

        What is tried for the first time, signed as a whole and needs no answer of its provider is written as a set; all
        else, and everything with `one_by_one`, on its own. The traces of those in `traces` go on here.

        Raises:
            StorageUnavailable: The database cannot answer.
        """
        failed: set[UUID] = set()
        ids = list(dict.fromkeys(event_row_ids))
        for start in range(0, len(ids), SET_MAX):
            chunk = ids[start : start + SET_MAX]
            left = chunk if one_by_one else self._process_together(chunk, traces)
            waits = self._claimable(left)
            listed_at = time.monotonic()
            for event_row_id, waited_s in waits.items():
                waited_s += time.monotonic() - listed_at
                if not self._process_one(event_row_id, waited_s, traces.get(event_row_id)):
                    failed.add(event_row_id)
        return failed

    def _claimable(self, event_row_ids: Sequence[UUID]) -> Mapping[UUID, float]:
        if not event_row_ids:
            return {}
        list_claimable = partial(webhooks.list_claimable, event_row_ids=event_row_ids)
        return self._parts.database.run(list_claimable, one_statement=True)

    def _process_one(self, event_row_id: UUID, waited_s: float, place: Place | None) -> bool:
        if place is None:
            if current_span() is None:
                return self._process_alone(event_row_id, waited_s)
            # Others of its batch are traced: this is none of their work.
            with working_for(None):
                return self._process_alone(event_row_id, waited_s)
        with _begin_apply(event_row_id, place) as span:
            done = self._process_alone(event_row_id, waited_s)
            if not done:
                span.fail("failed")
            return done

    def _process_alone(self, event_row_id: UUID, waited_s: float) -> bool:
        began_s = time.perf_counter()
        # Claimed just before its own work: what a timeout leaves undone was not tried.
        event = self._parts.database.run(lambda uow: webhooks.claim_event(uow, event_row_id, lease_s=CLAIM_LEASE_S))
        try:
            if event is not None:
                self._parts.metrics.observe(EVENT_WAIT, waited_s, event.provider)
                with log_ids(event_row_id=event.id, event_id=event.event_id):
                    self._one_event.process(event)
                self._parts.metrics.observe(EVENT_PROCESSING, time.perf_counter() - began_s, "alone")
        except Exception:
            self._parts.log_failure("event_row_id", event_row_id)
            return False
        return True

    def _process_together(self, event_row_ids: Sequence[UUID], traces: Traces) -> list[UUID]:
        """Write what can be written as a set; return the others."""
        traced = [_begin_apply(i, traces[i]) for i in event_row_ids if i in traces] if traces else ()
        began_s = time.perf_counter()
        try:
            written = self._parts.database.run(lambda uow: self._write_and_alert(uow, event_row_ids))
        except StorageUnavailable:
            raise
        except Exception:
            # One of them does not let the others be written: each for itself, it fails alone.
            self._parts.log_failure("event_row_id", event_row_ids[0])
            return list(event_row_ids)
        self._parts.queue.send(written.woken, traces=going_on(written.woken))
        for span in traced:
            _end_apply(span, written)
        if written.ended:
            self._parts.metrics.observe(EVENT_PROCESSING, time.perf_counter() - began_s, "together")
        for provider, waited_s in written.waits:
            self._parts.metrics.observe(EVENT_WAIT, waited_s, provider)
        return [event_row_id for event_row_id in event_row_ids if event_row_id not in written.ended]

    def _write_and_alert(self, uow: UnitOfWork, event_row_ids: Sequence[UUID]) -> SetWritten:
        written = write_set(uow, event_row_ids, self._read)
        # Before the commit: rather twice than never.
        for kind, facts in written.alerts.held:
            self._parts.alerts.alert(kind, **facts)
        return written

    def _read(self, event: ClaimedEvent) -> ProviderEvent | None:
        """Return what an event says, unless it needs a closer look."""
        if event.body is None:
            return None
        try:
            says = self._parts.providers[event.provider].map_webhook(event.body)
        except Exception:
            # Unreadable, switched off, or a defect of ours: either way the others need not suffer.
            return None
        if says.foreign or says.ignored is not None or (says.evidence is not None and not says.confirm):
            return says
        return None


def _begin_apply(event_row_id: UUID, place: Place) -> Span:
    """Begin the span of an event's outcome, in its own trace; what is done for several stands in the batch's."""
    span = place.child("apply", {_ROW_ID: str(event_row_id)})
    batch = current_span()
    if batch is not None:
        span.link(batch)
    return span


def _end_apply(span: Span, written: SetWritten) -> None:
    """End the span of an event that has its outcome by the set; that of another begins when it is worked at alone."""
    ending = written.ended.get(UUID(str(span.attributes[_ROW_ID])))
    if ending is None:
        return
    span.set("paylink.event.outcome", ending.state)
    if ending.reason is not None:
        span.set("paylink.event.reason", ending.reason)
    if ending.transaction_id is not None:
        span.set("paylink.transaction_id", str(ending.transaction_id))
    span.end()
