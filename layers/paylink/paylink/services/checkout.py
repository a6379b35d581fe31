"""
Checkout: one idempotency key, one payable page.

Three phases. 1: the key's lease, the transaction and an attempt are committed. 2: the provider is called; the request
is a pure function of stored rows and its key is the attempt's. 3: the result and the response snapshot are committed.
A retry after a crash takes over when the lease is over, and goes on from what is stored.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from paylink.core.errors import (
    FieldProblem,
    IdempotencyKeyReused,
    InvalidFields,
    ProviderRefused,
    ProviderUnreachable,
    RequestInProgress,
)
from paylink.core.money import Money, UnrepresentableAmount
from paylink.core.states import Decision, State, Verdict
from paylink.providers.port import ATTEMPT, Account, Effect, ErrorKind, Payment, Provider, ProviderError, Reference
from paylink.services.evidence import Claim, apply_evidence
from paylink.services.ports import Parts
from paylink.services.reading import transaction_body
from paylink.store import idempotency
from paylink.store import transactions as tx
from paylink.store.attempts import Attempt, finish_attempt, insert_attempt, list_attempts, payment_request
from paylink.store.changes import Proof, apply_decision
from paylink.store.idempotency import KeyName, Snapshot
from paylink.store.references import add_references, in_account, lock_references
from paylink.store.unit_of_work import UnitOfWork

OPERATION = "checkout"
LEASE_S = 25
"""create_checkout's timeout in template.yaml and 5 s more: while it runs, nobody else works at the same key."""

FIRST_PULL_S = 300
RETRY_SLACK_S = 60
"""What a retry's page may lack of the shortest life: no provider declares its own last minute."""
_STEPS_MAX = 3


@dataclass(frozen=True)
class CheckoutOrder:
    """A validated checkout request. `fingerprint` stands for all that the client asked for."""

    provider: str
    amount: Money
    order_reference: str
    success_url: str
    failure_url: str | None
    description: str | None
    customer_name: str | None
    customer_email: str | None
    metadata: dict[str, str]
    expires_in_s: int | None
    fingerprint: bytes


@dataclass(frozen=True)
class CheckoutAnswer:
    """What the client gets: 201 with a page, or 202 while it is not known whether the provider made one."""

    status: int
    body: dict[str, object]
    replayed: bool


@dataclass(frozen=True)
class _Work:
    """What phase 1 found to do. With `taken_over`, a page of the attempt may exist."""

    transaction: tx.Transaction
    attempt: Attempt
    fence: int
    taken_over: bool


class Checkout:
    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def create(self, merchant_id: UUID, key: str, order: CheckoutOrder) -> CheckoutAnswer:
        """
        Create the order's payment page, once per idempotency key.

        Raises:
            InvalidFields: The provider is not enabled or cannot take this amount, currency or expiry.
            IdempotencyKeyReused: The key stands for another request.
            RequestInProgress: The key's request is running.
            ProviderRefused: The provider said no; the transaction has failed.
            ProviderUnreachable: Nothing was created; the same request may be sent again at once.
            StorageUnavailable: The database cannot answer.
        """
        name = KeyName(merchant_id, OPERATION, key)
        self._check(order)
        account = self._parts.accounts.of_merchant(merchant_id, order.provider)
        if account is None:
            raise InvalidFields(fields=[FieldProblem("provider", "no account of this provider is set up for you")])
        for _ in range(_STEPS_MAX):
            found = self._parts.database.run(lambda uow: self._begin(uow, name, order, account))
            answer = self._replay(found) if isinstance(found, Snapshot) else self._carry_out(name, found)
            if answer is not None and answer.status == ProviderRefused.status:
                raise _refusal(answer.body)
            if answer is not None:
                return answer
        raise ProviderUnreachable("the provider gave no usable answer; send the same request again", retry_after_s=5)

    def _check(self, order: CheckoutOrder) -> None:
        provider = self._parts.providers.get(order.provider)
        if provider is None:
            enabled = ", ".join(sorted(self._parts.providers))
            raise InvalidFields(fields=[FieldProblem("provider", f"not enabled here; enabled: {enabled}")])
        abilities = provider.capabilities
        taken = abilities.currencies
        if order.amount.currency not in taken:
            raise InvalidFields(fields=[FieldProblem("currency", f"{order.provider} takes {', '.join(sorted(taken))}")])
        try:
            provider.check_amount(order.amount)
        except UnrepresentableAmount as exc:
            raise InvalidFields(fields=[FieldProblem("amount", str(exc))]) from exc
        shortest, longest = abilities.expiry_min_s, abilities.expiry_max_s
        if order.expires_in_s is not None and not shortest <= order.expires_in_s <= longest:
            message = f"{order.provider} takes {shortest} to {longest} seconds"
            raise InvalidFields(fields=[FieldProblem("expires_in_s", message)])

    # Phase 1

    def _begin(self, uow: UnitOfWork, name: KeyName, order: CheckoutOrder, account: Account) -> _Work | Snapshot:
        fence = idempotency.take_key(uow, name, order.fingerprint, lease_s=LEASE_S)
        if fence is not None:
            transaction = self._insert_transaction(uow, order, account)
            idempotency.name_transaction(uow, name, transaction.id)
            return self._begin_attempt(uow, transaction, 1, fence)
        stored = idempotency.lock_key(uow, name)
        if stored.fingerprint != order.fingerprint:
            raise IdempotencyKeyReused("send a new key with a new request")
        if stored.snapshot is not None:
            return stored.snapshot
        if stored.leased:
            raise RequestInProgress("wait for its answer, or try again later", retry_after_s=max(1, stored.leased_s))
        assert stored.transaction_id is not None
        fence = idempotency.take_over_key(uow, name, lease_s=LEASE_S)
        transaction = tx.lock_transaction(uow, stored.transaction_id)
        last = list_attempts(uow, transaction.id)[-1]
        if transaction.state is not State.PENDING:
            return self._finish(uow, name, transaction)
        if last.may_have_page:
            return _Work(transaction, last, fence, taken_over=True)
        if not self._has_time_for_a_page(transaction):
            expired = Decision(Verdict.APPLY, steps=(State.EXPIRED,), totals=transaction.snapshot.totals)
            return self._finish(uow, name, apply_decision(uow, transaction, expired, Proof("clock", None, None)))
        return self._begin_attempt(uow, transaction, last.number + 1, fence)

    @staticmethod
    def _finish(uow: UnitOfWork, name: KeyName, transaction: tx.Transaction) -> Snapshot:
        """The transaction has gone on without this request: answer with where it stands."""
        snapshot = Snapshot(201, transaction_body(transaction, None))
        idempotency.finish_key(uow, name, snapshot)
        return snapshot

    def _has_time_for_a_page(self, transaction: tx.Transaction) -> bool:
        left_s = (transaction.expires_at - self._parts.now()).total_seconds()
        return left_s >= self._parts.providers[transaction.provider].capabilities.expiry_min_s - RETRY_SLACK_S

    def _insert_transaction(self, uow: UnitOfWork, order: CheckoutOrder, account: Account) -> tx.Transaction:
        now = self._parts.now()
        lifetime_s = order.expires_in_s or self._parts.providers[order.provider].capabilities.expiry_default_s
        new = tx.NewTransaction(
            id=self._parts.new_id(),
            merchant_id=account.merchant_id,
            account_id=account.id,
            provider=order.provider,
            order_reference=order.order_reference,
            amount=order.amount,
            description=order.description,
            customer_name=order.customer_name,
            customer_email=order.customer_email,
            metadata=order.metadata,
            success_url=order.success_url,
            failure_url=order.failure_url,
            expires_at=now.replace(microsecond=0) + timedelta(seconds=lifetime_s),
        )
        tx.insert_transaction(uow, new, now=now, pull_in_s=FIRST_PULL_S)
        return tx.lock_transaction(uow, new.id)

    def _begin_attempt(self, uow: UnitOfWork, transaction: tx.Transaction, number: int, fence: int) -> _Work:
        attempt_id, now = self._parts.new_id(), self._parts.now()
        insert_attempt(uow, transaction, attempt_id, number, expires_at=transaction.expires_at, now=now)
        # Known before the provider is: so even an event that overtakes the provider's answer finds its transaction.
        own = in_account(transaction.account_id, [Reference(ATTEMPT, str(attempt_id))])
        lock_references(uow, own)
        add_references(uow, own, [transaction.id])
        attempt = list_attempts(uow, transaction.id)[-1]
        return _Work(tx.lock_transaction(uow, transaction.id), attempt, fence, taken_over=False)

    # Phase 2

    def _carry_out(self, name: KeyName, work: _Work) -> CheckoutAnswer | None:
        """Call the provider and store what came of it. None: this attempt ended without a page, begin another."""
        provider = self._parts.providers[work.transaction.provider]
        account = self._parts.accounts.get(work.transaction.account_id)
        request = payment_request(work.transaction, work.attempt)
        try:
            if work.taken_over and not self._may_send_again(provider, work.attempt):
                payment = provider.find_payment(account, request)
            else:
                # The same request under the same key gives the page that may be there already.
                payment = provider.create_payment(account, request)
        except ProviderError as exc:
            return self._store_failure(name, work, exc)
        if payment is None:
            return self._fenced(name, work, lambda uow: self._retire(uow, name, work, "not_found"))
        return self._store_page(name, work, payment)

    def _may_send_again(self, provider: Provider, attempt: Attempt) -> bool:
        """Within half of the time that the provider remembers the key, and not when it remembers a failure."""
        age_s = (self._parts.now() - attempt.created_at).total_seconds()
        return not attempt.failure_stored and age_s < provider.capabilities.create_retention_s / 2

    # Phase 3

    def _fenced(
        self, name: KeyName, work: _Work, store: Callable[[UnitOfWork], CheckoutAnswer | None]
    ) -> CheckoutAnswer | None:
        """
        Store in one transaction, if the lease is still ours. Else another took over, and its answer stands.
        """

        def write(uow: UnitOfWork) -> CheckoutAnswer | Snapshot | None:
            stored = idempotency.lock_key(uow, name)
            if stored.snapshot is not None:
                return stored.snapshot
            if stored.fence != work.fence:
                raise RequestInProgress("another request with this key took over", retry_after_s=1)
            return store(uow)

        written = self._parts.database.run(write)
        return self._replay(written) if isinstance(written, Snapshot) else written

    def _store_page(self, name: KeyName, work: _Work, payment: Payment) -> CheckoutAnswer | None:
        if payment.amount != work.transaction.amount:
            self._parts.alerts.alert("amount_mismatch", transaction_id=work.transaction.id, attempt_id=work.attempt.id)
            return self._fenced(name, work, lambda uow: self._store_unknown(uow, name, work, "amount_mismatch", False))
        woken: list[UUID] = []

        def store(uow: UnitOfWork) -> CheckoutAnswer:
            told = in_account(work.transaction.account_id, payment.references)
            lock_references(uow, told)
            transaction = tx.lock_transaction(uow, work.transaction.id)
            finish_attempt(uow, work.attempt.id, "pending", payment=payment)
            woken[:] = add_references(uow, told, [transaction.id] * len(told))
            if transaction.revision == work.transaction.revision:
                tx.count_answer(uow, transaction.id)
                claim = Claim(payment.evidence, payment.amount, work.attempt.id)
                proof = Proof("pull", str(work.attempt.id), payment.provider_status)
                transaction = apply_evidence(uow, transaction, claim, proof, self._parts.alerts).transaction
            elif payment.evidence.state is not State.PENDING:
                # An event was faster than this answer, so it may be outdated: ask anew.
                tx.pull_soon(uow, transaction.id)
            page = payment.checkout_url if transaction.state is State.PENDING else None
            body = transaction_body(transaction, page)
            idempotency.finish_key(uow, name, Snapshot(201, body))
            return CheckoutAnswer(201, body, replayed=False)

        answer = self._fenced(name, work, store)
        self._parts.queue.send(woken)
        return answer

    def _store_failure(self, name: KeyName, work: _Work, exc: ProviderError) -> CheckoutAnswer | None:
        # A second try that surely did nothing proves nothing about the first.
        if exc.effect is Effect.UNKNOWN or work.taken_over:
            return self._fenced(name, work, lambda uow: self._store_unknown(uow, name, work, exc.code, exc.stored))
        if not exc.sent or exc.kind is ErrorKind.RATE_LIMITED:
            answer = self._fenced(name, work, lambda uow: self._retire(uow, name, work, exc.code))
            if answer is not None:
                return answer
            raise ProviderUnreachable("nothing was created; send the same request again", retry_after_s=2) from exc
        return self._fenced(name, work, lambda uow: self._store_refusal(uow, name, work, exc))

    @staticmethod
    def _store_unknown(uow: UnitOfWork, name: KeyName, work: _Work, error: str, stored: bool) -> CheckoutAnswer:
        transaction = tx.lock_transaction(uow, work.transaction.id)
        failure_stored = stored or work.attempt.failure_stored
        finish_attempt(uow, work.attempt.id, "unknown", error=error, failure_stored=failure_stored)
        idempotency.release_key(uow, name)
        return CheckoutAnswer(202, transaction_body(transaction, None), replayed=False)

    @staticmethod
    def _retire(uow: UnitOfWork, name: KeyName, work: _Work, error: str) -> None:
        tx.lock_transaction(uow, work.transaction.id)
        finish_attempt(uow, work.attempt.id, "not_sent", error=error)
        idempotency.release_key(uow, name)

    def _store_refusal(self, uow: UnitOfWork, name: KeyName, work: _Work, exc: ProviderError) -> CheckoutAnswer:
        transaction = tx.lock_transaction(uow, work.transaction.id)
        finish_attempt(uow, work.attempt.id, "declined", error=exc.code)
        if transaction.state is State.PENDING:
            failed = Decision(Verdict.APPLY, steps=(State.FAILED,), totals=transaction.snapshot.totals)
            apply_decision(uow, transaction, failed, Proof("refusal", str(work.attempt.id), exc.code))
        refusal: dict[str, object] = {"code": exc.code, "field": exc.field, "transaction_id": str(transaction.id)}
        snapshot = Snapshot(ProviderRefused.status, refusal)
        idempotency.finish_key(uow, name, snapshot)
        return CheckoutAnswer(snapshot.status, snapshot.body, replayed=False)

    @staticmethod
    def _replay(snapshot: Snapshot) -> CheckoutAnswer:
        return CheckoutAnswer(snapshot.status, snapshot.body, replayed=True)


def _refusal(refusal: dict[str, object]) -> ProviderRefused:
    detail = f"the provider answered {refusal['code']}, and transaction {refusal['transaction_id']} has failed"
    fields = [FieldProblem(str(refusal["field"]), str(refusal["code"]))] if refusal["field"] else []
    return ProviderRefused(f"{detail}; send a corrected request with a new Idempotency-Key", fields=fields)
