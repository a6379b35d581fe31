"""Phase 3 of a checkout: what came of calling the provider is stored, with the answer that the key then stands for."""

from uuid import UUID

from paylink.core.errors import ProviderRefused
from paylink.core.states import Decision, State, Verdict
from paylink.core.tracing import going_on
from paylink.providers.payments import ATTEMPT, Payment, Reference
from paylink.providers.port import ProviderError
from paylink.services.checkout_steps import CheckoutAnswer, Due, Step, Work, store_if_ours
from paylink.services.evidence import apply_evidence, claim_of
from paylink.services.ports import Parts
from paylink.services.transaction_answer import transaction_body
from paylink.store import idempotency
from paylink.store import transactions as tx
from paylink.store.attempts import NOT_FOUND, finish_attempt
from paylink.store.changes import Proof, apply_decision
from paylink.store.checkouts import finish_checkout
from paylink.store.idempotency import KeyName, Snapshot
from paylink.store.references import add_references, in_account
from paylink.store.unit_of_work import UnitOfWork


class Ending:
    """
    Each method stores in one transaction, if the lease is still ours.

    Raises:
        RequestInProgress: Another took over, and has no answer yet. When it has one, that is returned.
    """

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def page(self, name: KeyName, work: Work, payment: Payment) -> Step:
        """The provider made this page; what it says of it counts as evidence."""
        if payment.amount != work.transaction.amount:
            self._parts.alerts.alert("amount_mismatch", transaction_id=work.transaction.id, attempt_id=work.attempt.id)
            return self.unknown(name, work, "amount_mismatch")
        woken: list[UUID] = []
        account_id, attempt_id = work.attempt.account_id, work.attempt.id
        # That of the attempt was stored with it.
        new = [r for r in payment.references if r != Reference(ATTEMPT, str(attempt_id))]
        told = in_account(account_id, new)

        def store(uow: UnitOfWork, transaction: tx.Transaction) -> Step:
            woken[:] = add_references(uow, told, [transaction.id] * len(told))
            heard = transaction.revision == work.transaction.revision
            if heard:
                claim = claim_of(payment, attempt_id, account_id)
                proof = Proof("pull", str(attempt_id), payment.provider_status)
                transaction = apply_evidence(uow, transaction, claim, proof, self._parts.alerts).transaction
            elif payment.evidence.state is not State.PENDING:
                # An event was faster than this answer, so it may be outdated: ask anew.
                tx.pull_soon(uow, transaction.id)
            payable = transaction.state is State.PENDING and transaction.cancel_requested_at is None
            page = payment.checkout_url if payable else None
            body = transaction_body(transaction, page)
            finish_checkout(uow, name, transaction, attempt_id, payment, body, heard=heard)
            return CheckoutAnswer(201, body, replayed=False)

        answer = store_if_ours(self._parts, name, work.fence, store, references=told)
        self._parts.queue.send(woken, traces=going_on(woken))
        return answer

    def unknown(self, name: KeyName, work: Work, error: str, *, stored: bool = False) -> Step:
        """A page may have been made. `stored`: the provider would answer the same request with this failure again."""

        def store(uow: UnitOfWork, transaction: tx.Transaction) -> Step:
            failure_stored = stored or work.attempt.failure_stored
            finish_attempt(uow, work.attempt.id, "unknown", error=error, failure_stored=failure_stored)
            idempotency.release_key(uow, name)
            return CheckoutAnswer(202, transaction_body(transaction, None), replayed=False)

        return store_if_ours(self._parts, name, work.fence, store)

    def lost(self, name: KeyName, work: Work) -> Step:
        """Nobody can ever reach a page of this attempt: the next one is due, and at the same account."""

        def store(uow: UnitOfWork, transaction: tx.Transaction) -> Step:
            finish_attempt(uow, work.attempt.id, "not_sent", error=NOT_FOUND)
            return Due(transaction, work.attempt.number, work.fence, (work.attempt.account_id,))

        return store_if_ours(self._parts, name, work.fence, store)

    def passed_over(self, name: KeyName, work: Work, exc: ProviderError, *, refused: bool) -> Step:
        """This attempt surely made nothing, for a reason that is not the order's: the next account's turn."""

        def store(uow: UnitOfWork, transaction: tx.Transaction) -> Step:
            finish_attempt(uow, work.attempt.id, "declined" if refused else "not_sent", error=exc.code)
            may_work_later = work.may_work_later or not refused
            return Due(transaction, work.attempt.number, work.fence, work.left, may_work_later)

        return store_if_ours(self._parts, name, work.fence, store)

    def refusal(self, name: KeyName, work: Work, exc: ProviderError) -> Step:
        """The provider said no: the transaction has failed, unless money came in some other way."""

        def store(uow: UnitOfWork, transaction: tx.Transaction) -> Step:
            finish_attempt(uow, work.attempt.id, "declined", error=exc.code)
            if transaction.state is State.PENDING:
                failed = Decision(Verdict.APPLY, steps=(State.FAILED,), totals=transaction.snapshot.totals)
                apply_decision(uow, transaction, failed, Proof("refusal", str(work.attempt.id), exc.code))
            refusal: dict[str, object] = {"code": exc.code, "field": exc.field, "transaction_id": str(transaction.id)}
            snapshot = Snapshot(ProviderRefused.status, refusal)
            idempotency.finish_key(uow, name, snapshot)
            return CheckoutAnswer(snapshot.status, snapshot.body, replayed=False)

        return store_if_ours(self._parts, name, work.fence, store)
