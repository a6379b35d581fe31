"""Webhook processing: each stored event gets one outcome, and moves money at most once."""

from collections.abc import Sequence
from functools import partial
from uuid import UUID

from paylink.core.errors import StorageUnavailable
from paylink.services.event_set import SetWritten, Told, write_set
from paylink.services.one_event import OneEvent
from paylink.services.ports import Parts
from paylink.store import webhooks
from paylink.store.unit_of_work import UnitOfWork
from paylink.store.webhooks import ClaimedEvent

CLAIM_LEASE_S = 60
SET_LEASE_S = 15
"""A set asks no provider: it is written within the database's deadline."""

SET_MAX = 100


class Processing:
    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._one_event = OneEvent(parts)

    def process(self, event_row_ids: Sequence[UUID], *, one_by_one: bool = False) -> set[UUID]:
        """
        Give each event an outcome or a later due time; return those that failed unexpectedly: send them again.

        What is tried for the first time, signed as a whole and needs no answer of its provider is written as a set; all
        else, and everything with `one_by_one`, on its own.

        Raises:
            StorageUnavailable: The database cannot answer.
        """
        failed: set[UUID] = set()
        ids = list(dict.fromkeys(event_row_ids))
        for start in range(0, len(ids), SET_MAX):
            chunk = ids[start : start + SET_MAX]
            if not one_by_one:
                self._process_fresh(chunk)
            list_claimable = partial(webhooks.list_claimable, event_row_ids=chunk)
            claimable = self._parts.database.run(list_claimable, one_statement=True)
            failed.update(event_row_id for event_row_id in claimable if not self._process_one(event_row_id))
        return failed

    def _process_one(self, event_row_id: UUID) -> bool:
        # Claimed just before its own work: what a timeout leaves undone was not tried.
        event = self._parts.database.run(lambda uow: webhooks.claim_event(uow, event_row_id, lease_s=CLAIM_LEASE_S))
        try:
            if event is not None:
                self._one_event.process(event)
        except Exception:
            self._parts.log_failure("event_row_id", event_row_id)
            return False
        return True

    def _process_fresh(self, event_row_ids: Sequence[UUID]) -> None:
        """Write what can be written as a set, and free the rest for its own turn."""
        database = self._parts.database
        claim = partial(webhooks.claim_fresh_events, event_row_ids=event_row_ids, lease_s=SET_LEASE_S)
        claimed = database.run(claim, one_statement=True)
        told = [one for event in claimed if (one := self._told(event)) is not None]
        left = {event.id for event in claimed} - {one.event.id for one in told}
        if told:
            written = self._write(told)
            self._parts.queue.send(written.woken)
            left |= set(written.left)
        if left:
            database.run(lambda uow: webhooks.release_events(uow, sorted(left)))

    def _told(self, event: ClaimedEvent) -> Told | None:
        """Return what an event says, unless it needs a closer look."""
        if event.body is None:
            return None
        try:
            provider = self._parts.providers[self._parts.accounts.get(event.account_id).provider]
            says = provider.map_webhook(event.body)
        except StorageUnavailable:
            raise
        except Exception:
            # Unreadable, switched off, or a defect of ours: either way the others need not suffer.
            return None
        if says.foreign or says.ignored is not None or (says.evidence is not None and not says.confirm):
            return Told(event, says)
        return None

    def _write_and_alert(self, uow: UnitOfWork, told: Sequence[Told]) -> SetWritten:
        written = write_set(uow, told)
        # Before the commit: rather twice than never.
        for kind, facts in written.alerts.held:
            self._parts.alerts.alert(kind, **facts)
        return written

    def _write(self, told: Sequence[Told]) -> SetWritten:
        try:
            return self._parts.database.run(lambda uow: self._write_and_alert(uow, told))
        except StorageUnavailable:
            raise
        except Exception:
            # One of them does not let the others be written: each for itself, it fails alone.
            self._parts.log_failure("event_row_id", told[0].event.id)
            return SetWritten(left=[one.event.id for one in told])
