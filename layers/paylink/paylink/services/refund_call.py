"""One refund at its provider: sent or looked up, and what came of it stored. Whoever holds its lease does it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from paylink.core.log_ids import log_ids
from paylink.core.refunds import UNANSWERED, RefundState, after_answer
from paylink.providers.payments import ATTEMPT, REFUND, Reference, RefundRequest
from paylink.providers.payments import Refund as ProviderRefund
from paylink.providers.port import Effect, ErrorKind, ProviderError
from paylink.services.ports import Parts
from paylink.services.refund_figures import surprise
from paylink.store import transactions as tx
from paylink.store.references import list_references
from paylink.store.refunds import (
    Refund,
    RefundChange,
    RefundProof,
    lock_refunds,
    note_sending,
    release_refund,
    take_over_refund,
    write_refunds,
)
from paylink.store.unit_of_work import UnitOfWork

LEASE_S = 25
"""refund_transaction's timeout in template.yaml and 5 s more: while it runs, nobody else works at the same refund."""

LATE_S = 600
"""How long after its sending a request may still arrive at a provider: earlier, not being found proves nothing."""

_TRANSIENT = frozenset({ErrorKind.RATE_LIMITED, ErrorKind.UNAVAILABLE})


@dataclass(frozen=True)
class RefundWork:
    """A refund whose lease is ours. With `taken_over`, it may have been sent before."""

    transaction: tx.Transaction
    refund: Refund
    references: Sequence[Reference]
    taken_over: bool


class RefundCall:
    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def take_over(self, uow: UnitOfWork, transaction: tx.Transaction, refund: Refund) -> RefundWork:
        """Begin to work at a refund that somebody else began. Its row must be locked, and nobody may have its lease."""
        taken = take_over_refund(uow, refund, lease_s=LEASE_S)
        return RefundWork(transaction, taken, list_references(uow, transaction.id, refund.account_id), taken_over=True)

    def carry_out(self, work: RefundWork) -> tuple[Refund, ProviderError | None]:
        """Have the provider give the money back, once; return the refund as it is then stored, and what failed."""
        with log_ids(transaction_id=work.transaction.id, refund_id=work.refund.id):
            return self._carry_out(work)

    def _carry_out(self, work: RefundWork) -> tuple[Refund, ProviderError | None]:
        try:
            told = self._found_or_sent(work)
        except ProviderError as exc:
            return self._store_failure(work, exc), exc
        if told is None:
            # It was sent once, and is not there: what the provider keeps under its key nobody knows.
            error = work.refund.error or "not_found"
            return self._store(work, RefundState.NOT_SENT, error, RefundProof("lookup"), failure_stored=True), None
        return self._store_answer(work, told), None

    def _found_or_sent(self, work: RefundWork) -> ProviderRefund | None:
        """
        Return the provider's refund; None when it surely made none.

        Raises:
            ProviderError: There is no clear answer, or a clear refusal.
        """
        account = self._parts.accounts.get(work.refund.account_id)
        provider = self._parts.enabled(account.provider)
        request = refund_request(work)
        if work.taken_over:
            try:
                found = provider.find_refund(account, request)
            except ProviderError as exc:
                # What becomes of the question tells nothing of the refund.
                raise ProviderError(exc.kind, exc.code, effect=Effect.UNKNOWN) from exc
            if found is not None:
                return found
            if work.refund.failure_stored or work.refund.age_s >= provider.capabilities.refund_retention_s / 2:
                if work.refund.quiet_s >= LATE_S:
                    return None
                raise ProviderError(ErrorKind.NOT_FOUND, work.refund.error or "not_found", effect=Effect.UNKNOWN)
            self._parts.database.run(lambda uow: note_sending(uow, work.refund))
        # The same request under the same key gives the refund that may be there already.
        return provider.refund_payment(account, request)

    def _store_answer(self, work: RefundWork, told: ProviderRefund) -> Refund:
        if told.amount != work.refund.amount:
            facts = {"transaction_id": work.transaction.id, "refund_id": work.refund.id}
            self._parts.alerts.alert("refund_of_another_amount", **facts)

        def write(uow: UnitOfWork) -> RefundChange:
            transaction = tx.lock_transaction(uow, work.transaction.id)
            refunds = lock_refunds(uow, transaction.id)
            before = refunds[work.refund.id]
            # A question that was asked before this answer is outdated by it.
            tx.count_answer(uow, transaction.id)
            standing = after_answer(before.standing, told.state)
            after = before.moved(standing, reference=told.reference, error=told.failure)
            change = RefundChange(before, after, surprise(before, after))
            if after == before:
                # A webhook was faster, and brought the same.
                release_refund(uow, before)
            else:
                write_refunds(uow, transaction, refunds, [change], RefundProof("answer", told.reference))
            return change

        change = self._parts.database.run(write)
        if change.alert is not None:
            self._parts.alerts.alert(change.alert, transaction_id=work.transaction.id, refund_id=work.refund.id)
        return change.after

    def _store_failure(self, work: RefundWork, exc: ProviderError) -> Refund:
        refused = exc.effect is Effect.NOTHING and exc.sent and exc.kind not in _TRANSIENT
        # A second try that surely did nothing proves nothing about the first, unless that would have arrived by now.
        proven = not work.taken_over or (refused and work.refund.quiet_s >= LATE_S)
        if exc.effect is Effect.UNKNOWN or not proven:
            stored = exc.stored or work.refund.failure_stored
            return self._store(work, RefundState.UNKNOWN, exc.code, RefundProof("answer", exc.code), stored)
        state = RefundState.FAILED if refused else RefundState.NOT_SENT
        return self._store(work, state, exc.code, RefundProof("answer", exc.code), exc.stored)

    def _store(
        self, work: RefundWork, state: RefundState, error: str, proof: RefundProof, failure_stored: bool = False
    ) -> Refund:
        """Store that there was no refund, or no answer; what somebody else has learned meanwhile stands."""

        def write(uow: UnitOfWork) -> Refund:
            transaction = tx.lock_transaction(uow, work.transaction.id)
            refunds = lock_refunds(uow, transaction.id)
            before = refunds[work.refund.id]
            if before.fence != work.refund.fence or before.state not in UNANSWERED:
                return before
            after = replace(before, state=state, error=error, failure_stored=failure_stored, leased=False)
            if (before.state, before.error, before.failure_stored) == (state, error, failure_stored):
                release_refund(uow, before)
            else:
                write_refunds(uow, transaction, refunds, [RefundChange(before, after)], proof)
            return after

        return self._parts.database.run(write)


def refund_request(work: RefundWork) -> RefundRequest:
    """Return what the provider is told: only stored facts, so that a repetition is the same request."""
    paid = Reference(ATTEMPT, str(work.transaction.paid_attempt_id))
    others = [r for r in work.references if r != paid and r.kind != REFUND]
    return RefundRequest(work.refund.id, (paid, *others), work.refund.amount, reason=work.refund.reason)


def reference_of(refund_id: UUID) -> Reference:
    """Return the name under which a refund's events find their transaction."""
    return Reference(REFUND, str(refund_id))
