"""One event, on its own: what needs the provider's answer, waits for its transaction, or failed among others."""

from dataclasses import dataclass
from functools import partial
from uuid import UUID

from paylink.core.log_ids import log_ids
from paylink.core.states import HAS_MONEY
from paylink.core.tracing import going_on
from paylink.providers.payments import Payment, ProviderEvent, Reference, attempt_of
from paylink.providers.port import Assurance, ErrorKind, Provider, ProviderError, UnreadableEvent
from paylink.services.evidence import Applied, Claim, Effect, alert_if_paid_twice, apply_evidence, claim_of, speaks_of
from paylink.services.ports import Parts
from paylink.store import transactions as tx
from paylink.store import webhooks
from paylink.store.changes import Proof
from paylink.store.references import add_references, find_by_references, in_account, list_references, lock_references
from paylink.store.unit_of_work import UnitOfWork
from paylink.store.webhooks import ClaimedEvent, Ending

ATTEMPTS_MAX = 8
PARK_S = 7 * 24 * 3600
ASK_AGAIN_S = (5, 30, 300, 3600, 6 * 3600)
"""When a claim that the provider does not confirm yet is asked about again; after the last it ends unconfirmed."""
LATE_S = 30
"""How late the message of an event that is due again may be before the relay sends another."""

_PULL_ROUNDS = 3


@dataclass(frozen=True)
class _Written:
    """
    What one locked write did: settled (with events that woke up, and when this one is due again), or what is missing.
    """

    settled: bool
    needs_pull: bool = False
    woken: tuple[UUID, ...] = ()
    again_in_s: float | None = None


@dataclass(frozen=True)
class _Pulled:
    payment: Payment
    revision: tuple[int, int]


class OneEvent:
    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def process(self, event: ClaimedEvent) -> None:
        """
        Give a claimed event its outcome or a later due time.

        Raises:
            StorageUnavailable: The database cannot answer.
        """
        if event.attempts > ATTEMPTS_MAX:
            self._bury(event, "attempts_exhausted")
            return
        if event.body is None:
            self._bury(event, "body_gone")
            return
        provider = self._parts.providers[event.provider]
        try:
            told = provider.map_webhook(event.body)
        except UnreadableEvent:
            self._bury(event, "unreadable")
            return
        if told.foreign:
            self._ignore(event, told, "not_ours")
        elif told.ignored is not None:
            self._ignore(event, told, told.ignored)
        else:
            transaction_id = self._parts.database.run(lambda uow: self._match_or_park(uow, event, told))
            if transaction_id is not None:
                with log_ids(transaction_id=transaction_id):
                    self._settle(provider, event, told, transaction_id)

    def _match_or_park(self, uow: UnitOfWork, event: ClaimedEvent, told: ProviderEvent) -> UUID | None:
        matched = self._match(uow, event, told)
        if matched is None:
            # Whoever adds a reference holds these locks too: after taking them, one more look is certain.
            lock_references(uow, in_account(event.account_id, told.references))
            matched = self._match(uow, event, told)
        if matched is None and webhooks.lock_events(uow, [event.id]):
            webhooks.park_event(
                uow, event, "no_transaction", event_type=told.event_type, references=told.references, park_s=PARK_S
            )
        return matched

    def _match(self, uow: UnitOfWork, event: ClaimedEvent, told: ProviderEvent) -> UUID | None:
        wanted = in_account(event.account_id, told.references)
        found = find_by_references(uow, wanted)
        if len(set(found.values())) > 1:
            self._parts.alerts.alert("references_disagree", event_row_id=event.id, transaction_ids=set(found.values()))
        return next((found[name] for name in wanted if name in found), None)

    def _settle(self, provider: Provider, event: ClaimedEvent, told: ProviderEvent, transaction_id: UUID) -> None:
        """Pull where the event alone does not prove enough, then write under lock; again when it moved meanwhile."""
        needs_pull = told.confirm or told.evidence is None or event.assurance is not Assurance.BODY
        for _ in range(_PULL_ROUNDS):
            wait_s = self._parts.pulls.wait_s(event.account_id, provider.capabilities.pulls_per_s) if needs_pull else 0
            if wait_s > 0:
                self._wait_for_its_turn(event, told, transaction_id, wait_s)
                return
            try:
                pulled = self._pull(provider, event, told, transaction_id) if needs_pull else None
            except ProviderError as exc:
                self._ask_later(event, told, transaction_id, exc)
                return
            write = partial(self._write, event=event, told=told, transaction_id=transaction_id, pulled=pulled)
            written = self._parts.database.run(write)
            if written.settled:
                self._parts.queue.send(written.woken, traces=going_on(written.woken))
                self._send_later(event, written.again_in_s)
                return
            needs_pull = needs_pull or written.needs_pull
        self._wait_for_its_turn(event, told, transaction_id, 1)

    def _wait_for_its_turn(
        self, event: ClaimedEvent, told: ProviderEvent, transaction_id: UUID, delay_s: float
    ) -> None:
        """Nothing is wrong with the event, so it was no attempt."""
        self._parts.database.run(
            lambda uow: self._defer(uow, event, told, transaction_id, delay_s=delay_s, asked=0, uncounted=1)
        )
        self._send_later(event, delay_s)

    def _send_later(self, event: ClaimedEvent, delay_s: float | None) -> None:
        if delay_s is not None:
            self._parts.queue.send([event.id], delay_s, going_on([event.id]))

    def _pull(self, provider: Provider, event: ClaimedEvent, told: ProviderEvent, transaction_id: UUID) -> _Pulled:
        def read(uow: UnitOfWork) -> tuple[tx.Transaction | None, list[Reference]]:
            return tx.read_transaction(uow, transaction_id), list_references(uow, transaction_id, event.account_id)

        transaction, known = self._parts.database.run(read)
        assert transaction is not None
        account = self._parts.accounts.get(event.account_id)
        kinds = provider.capabilities.lookup_kinds
        # What is known as well: an event of one try says nothing of another, which may have been paid.
        asked_by = [r for r in dict.fromkeys([*told.references, *known]) if r.kind in kinds]
        payment = provider.fetch_payment(account, tx.payment_query(transaction, asked_by, self._parts.now()))
        return _Pulled(payment, transaction.revision)

    def _write(
        self,
        uow: UnitOfWork,
        event: ClaimedEvent,
        told: ProviderEvent,
        transaction_id: UUID,
        pulled: _Pulled | None,
    ) -> _Written:
        # What the signature does not cover names the transaction, and nothing else.
        signed = told.references if event.assurance is Assurance.BODY else ()
        references = in_account(event.account_id, [*signed, *(pulled.payment.references if pulled else ())])
        lock_references(uow, references)
        transaction = tx.lock_transaction(uow, transaction_id)
        if pulled is not None and pulled.revision != transaction.revision:
            return _Written(settled=False)
        if not webhooks.lock_events(uow, [event.id]):
            return _Written(settled=True)
        if pulled is not None and not speaks_of(uow, transaction, event.account_id, pulled.payment):
            # The event names this transaction, and a payment of another one.
            self._parts.alerts.alert("references_disagree", event_row_id=event.id, transaction_id=transaction_id)
            disagree = Ending(event.id, "ignored", "references_disagree", told.event_type)
            webhooks.finish_events(uow, [disagree])
            return _Written(settled=True)
        if pulled is not None:
            tx.count_answer(uow, transaction_id)
            alert_if_paid_twice(transaction, pulled.payment, self._parts.alerts)
        applied = self._apply(uow, event, told, transaction, pulled)
        if applied.effect is Effect.NEEDS_PULL:
            return _Written(settled=False, needs_pull=True)
        woken = add_references(uow, references, [transaction_id] * len(references))
        again_in_s = None
        if self._unconfirmed(told, pulled, applied):
            again_in_s = self._ask_provider_again(uow, event, told, transaction_id)
        elif applied.effect is Effect.MISMATCH:
            webhooks.park_event(
                uow, event, applied.reason, event_type=told.event_type, transaction_id=transaction_id, park_s=PARK_S
            )
        else:
            state = "applied" if applied.effect is Effect.APPLIED else "ignored"
            ending = Ending(event.id, state, applied.reason or None, told.event_type, transaction_id)
            webhooks.finish_events(uow, [ending])
        return _Written(settled=True, woken=tuple(woken), again_in_s=again_in_s)

    def _apply(
        self,
        uow: UnitOfWork,
        event: ClaimedEvent,
        told: ProviderEvent,
        transaction: tx.Transaction,
        pulled: _Pulled | None,
    ) -> Applied:
        if pulled is not None:
            payment = pulled.payment
            claim = claim_of(payment, attempt_of(payment.references), event.account_id)
            proof = Proof("pull", event.event_id, payment.provider_status)
        else:
            assert told.evidence is not None
            claim = Claim(told.evidence, told.amount, attempt_of(told.references), event.account_id)
            proof = Proof("webhook", event.event_id, told.provider_status)
        return apply_evidence(uow, transaction, claim, proof, self._parts.alerts)

    @staticmethod
    def _unconfirmed(told: ProviderEvent, pulled: _Pulled | None, applied: Applied) -> bool:
        """
        The event claims money, a refund or a dispute, and the provider, asked, does not show it (yet).

        Whatever its answer changed: a status may lag behind its own webhook.
        """
        claim = told.evidence
        if pulled is None or claim is None or claim.state not in HAS_MONEY or applied.effect is Effect.MISMATCH:
            return False
        found = pulled.payment.evidence
        if found.state not in HAS_MONEY:
            return True
        return (claim.refunded or 0) > (found.refunded or 0) or (claim.dispute is not None and found.dispute is None)

    @staticmethod
    def _defer(
        uow: UnitOfWork,
        event: ClaimedEvent,
        told: ProviderEvent,
        transaction_id: UUID,
        *,
        delay_s: float,
        asked: int,
        uncounted: int,
    ) -> None:
        webhooks.ask_again(
            uow,
            event.id,
            delay_s=delay_s,
            lease_s=LATE_S,
            asked=asked,
            uncounted=uncounted,
            event_type=told.event_type,
            transaction_id=transaction_id,
        )

    def _ask_provider_again(
        self, uow: UnitOfWork, event: ClaimedEvent, told: ProviderEvent, transaction_id: UUID
    ) -> float | None:
        """Return when the event is due again; None when that was the last time."""
        if event.asked < len(ASK_AGAIN_S):
            delay_s = ASK_AGAIN_S[event.asked]
            self._defer(uow, event, told, transaction_id, delay_s=delay_s, asked=1, uncounted=1)
            return delay_s
        self._parts.alerts.alert("unconfirmed_event", event_row_id=event.id, transaction_id=transaction_id)
        ending = Ending(event.id, "ignored", "unconfirmed", told.event_type, transaction_id)
        webhooks.finish_events(uow, [ending])
        return None

    def _ask_later(self, event: ClaimedEvent, told: ProviderEvent, transaction_id: UUID, exc: ProviderError) -> None:
        """The provider gave no answer. Being too fast is nobody's fault; anything else counts as an attempt."""
        if exc.kind is ErrorKind.NOT_FOUND:
            again_in_s = self._parts.database.run(
                lambda uow: self._ask_provider_again(uow, event, told, transaction_id)
            )
            self._send_later(event, again_in_s)
            return
        delay_s = ASK_AGAIN_S[min(max(event.attempts - 1, 0), len(ASK_AGAIN_S) - 1)]
        uncounted = 1 if exc.kind is ErrorKind.RATE_LIMITED else 0
        self._parts.database.run(
            lambda uow: self._defer(uow, event, told, transaction_id, delay_s=delay_s, asked=0, uncounted=uncounted)
        )
        self._send_later(event, delay_s)

    def _ignore(self, event: ClaimedEvent, told: ProviderEvent, reason: str) -> None:
        def work(uow: UnitOfWork) -> None:
            matched = self._match(uow, event, told)
            webhooks.finish_events(uow, [Ending(event.id, "ignored", reason, told.event_type, matched)])

        self._parts.database.run(work)

    def _bury(self, event: ClaimedEvent, reason: str) -> None:
        if self._parts.database.run(lambda uow: webhooks.bury_event(uow, event.id, reason), one_statement=True):
            send_letter(self._parts, event.id, reason)


def send_letter(parts: Parts, event_row_id: UUID, reason: str) -> None:
    """Tell people and alarms of a dead event; whatever fails here, the relay does again."""
    parts.alerts.alert("dead_event", event_row_id=event_row_id, reason=reason)
    if parts.queue.send_dead(event_row_id, reason):
        parts.database.run(lambda uow: uow.run("letter_sent", id=event_row_id), one_statement=True)
