"""Asking a provider how a transaction stands, and writing what it answers: whoever asks, it is done the same way."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from uuid import UUID

from paylink.core.states import HAS_MONEY, OPEN, Decision, State, Verdict
from paylink.core.tracing import going_on
from paylink.providers.payments import ATTEMPT, Payment, PaymentQuery, Reference, attempt_of
from paylink.providers.port import ErrorKind, ProviderError
from paylink.services.evidence import alert_if_paid_twice, apply_evidence, claim_of, speaks_of
from paylink.services.ports import Parts
from paylink.store import transactions as tx
from paylink.store.attempts import NOT_FOUND, Attempt, finish_attempt, list_attempts, payment_request
from paylink.store.changes import Proof, apply_decision
from paylink.store.reconciliation import read_asked
from paylink.store.references import add_references, in_account, list_references, lock_references
from paylink.store.unit_of_work import UnitOfWork


@dataclass(frozen=True)
class Known:
    """What is stored of a transaction when its provider is asked. References are the newest first."""

    transaction: tx.Transaction
    attempts: Sequence[Attempt]
    references: Sequence[Reference]

    @property
    def newest(self) -> Attempt:
        return self.attempts[-1]


def read_known(uow: UnitOfWork, transaction: tx.Transaction) -> Known:
    return Known(
        transaction, list_attempts(uow, transaction.id), list_references(uow, transaction.id, transaction.account_id)
    )


class Inquiry:
    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def read(self, transaction_id: UUID) -> Known:
        """
        Raises:
            LookupError: There is no such transaction.
        """

        def work(uow: UnitOfWork) -> Known:
            transaction = tx.read_transaction(uow, transaction_id)
            if transaction is None:
                raise LookupError(f"no transaction {transaction_id}")
            return read_known(uow, transaction)

        return self._parts.database.run(work)

    def read_many(self, transaction_ids: Sequence[UUID]) -> list[Known]:
        """Return those that are there."""
        return self._parts.database.run(
            lambda uow: [Known(*asked) for asked in read_asked(uow, transaction_ids)], one_statement=True
        )

    def take_turns(self, account_id: UUID, provider: str, count: int) -> int:
        """Return how many of so many questions to the account's provider may be asked at once; they then must be."""
        return self._parts.pulls.take(account_id, self._pulls_per_s(provider), count)

    def await_turn(self, account_id: UUID, provider: str, stop_at: float) -> bool:
        """Wait until the account's provider may be asked; False when that is not before `stop_at` (monotonic)."""
        per_s = self._pulls_per_s(provider)
        while (wait_s := self._parts.pulls.wait_s(account_id, per_s)) > 0:
            if time.monotonic() + wait_s >= stop_at:
                return False
            time.sleep(wait_s)
        return True

    def _pulls_per_s(self, provider: str) -> float:
        return self._parts.providers[provider].capabilities.pulls_per_s

    def query(self, known: Known) -> PaymentQuery:
        """Return the question by every name that the transaction has."""
        return tx.payment_query(known.transaction, known.references, self._parts.now())

    def check(self, transaction_id: UUID) -> bool:
        """
        Ask about one transaction and write the answer; True when that changed it.

        Raises:
            ProviderError: The provider gave no answer.
        """
        known = self.read(transaction_id)
        ended = self._parts.now() > known.transaction.expires_at
        try:
            payments = self.ask(known)
        except ProviderError as exc:
            if exc.kind is not ErrorKind.NOT_FOUND or not ended:
                raise
            # The provider knows no such page (any more), and the time to pay is over: nobody can tell more.
            self._parts.alerts.alert("page_gone", transaction_id=transaction_id, error=exc.code)
            payments = []
        return self.write(known, payments, ended=ended)

    def ask(self, known: Known) -> list[Payment]:
        """
        Return what the provider says of every page that is known or may be there, the newest first.

        Raises:
            ProviderError: The provider gave no answer.
        """
        transaction = known.transaction
        provider = self._parts.providers[transaction.provider]
        account = self._parts.accounts.get(transaction.account_id)
        retired = {Reference(ATTEMPT, str(attempt.id)) for attempt in known.attempts if not attempt.may_have_page}
        kinds = provider.capabilities.lookup_kinds
        unanswered = [r for r in known.references if r.kind in kinds and r not in retired]
        payments: list[Payment] = []
        while unanswered:
            try:
                payment = provider.fetch_payment(account, tx.payment_query(transaction, unanswered, self._parts.now()))
            except ProviderError as exc:
                if exc.kind is not ErrorKind.NOT_FOUND or not payments:
                    raise
                break
            payments.append(payment)
            left = [reference for reference in unanswered if reference not in payment.references]
            unanswered = left if len(left) < len(unanswered) else []
        newest, told = known.newest, {attempt_of(payment.references) for payment in payments}
        if newest.account_id == account.id and newest.may_have_page and newest.id not in told:
            found = provider.find_payment(account, payment_request(transaction, newest))
            payments += [found] if found else []
        return payments

    def write(
        self, known: Known, payments: Sequence[Payment], *, account_id: UUID | None = None, ended: bool = False
    ) -> bool:
        """
        Write answers about a transaction, unless it has moved since it was read; True when that changed it.

        `account_id` is the account that was asked, by default the transaction's. With `ended` its time is over: what
        surely has no page left expires by the clock.
        """
        after = self.bring_up_to_date(known, payments, account_id=account_id, ended=ended)
        return after is not None and after.version != known.transaction.version

    def bring_up_to_date(
        self,
        known: Known,
        payments: Sequence[Payment],
        *,
        account_id: UUID | None = None,
        ended: bool = False,
        run_id: UUID | None = None,
        on_change: Callable[[UnitOfWork], None] | None = None,
    ) -> tx.Transaction | None:
        """
        The same as `write`; return the transaction as it then stands, None when it had moved. `on_change` is called
        where something changes, in the same database transaction. The history names the run that asked.
        """
        asked_id = account_id or known.transaction.account_id

        def work(uow: UnitOfWork) -> tuple[tx.Transaction | None, list[UUID]]:
            after, woken = self._write(uow, known, asked_id, payments, ended, str(run_id) if run_id else None)
            if on_change is not None and after is not None and after.version != known.transaction.version:
                on_change(uow)
            return after, woken

        after, woken = self._parts.database.run(work)
        self._parts.queue.send(woken, traces=going_on(woken))
        return after

    def _write(
        self,
        uow: UnitOfWork,
        known: Known,
        asked_id: UUID,
        payments: Sequence[Payment],
        ended: bool,
        question: str | None,
    ) -> tuple[tx.Transaction | None, list[UUID]]:
        """Money first."""
        seen = known.transaction
        lock_references(uow, in_account(asked_id, [r for p in payments for r in p.references]))
        transaction = tx.lock_transaction(uow, seen.id)
        if transaction.revision != seen.revision:
            return None, []
        tx.count_answer(uow, transaction.id)
        woken: list[UUID] = []
        answered = len(payments)
        payments = [payment for payment in payments if speaks_of(uow, transaction, asked_id, payment)]
        if len(payments) < answered:
            self._parts.alerts.alert("references_disagree", transaction_id=transaction.id)
            ended = False
        for payment in sorted(payments, key=lambda payment: payment.evidence.state not in HAS_MONEY):
            attempt_id = attempt_of(payment.references)
            if attempt_id is None and known.newest.account_id == asked_id:
                attempt_id = known.newest.id
            if attempt_id is not None and payment.seen and payment.amount == transaction.amount:
                finish_attempt(uow, attempt_id, "pending", payment=payment)
            told = in_account(asked_id, payment.references)
            woken += add_references(uow, told, [transaction.id] * len(told))
            alert_if_paid_twice(transaction, payment, self._parts.alerts)
            proof = Proof("pull", question, payment.provider_status)
            claim = claim_of(payment, attempt_id, asked_id)
            transaction = apply_evidence(uow, transaction, claim, proof, self._parts.alerts).transaction
        if (
            ended
            and transaction.state is State.PENDING
            and not any(p.evidence.state in OPEN | HAS_MONEY for p in payments)
        ):
            finish_attempt(uow, known.newest.id, "not_sent", error=NOT_FOUND)
            expired = Decision(Verdict.APPLY, steps=(State.EXPIRED,), totals=transaction.snapshot.totals)
            transaction = apply_decision(uow, transaction, expired, Proof("clock", question, None))
        uow.run("end_pulls", id=transaction.id)
        return transaction, woken
