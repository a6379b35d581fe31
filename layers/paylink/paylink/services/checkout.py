"""
Checkout: one idempotency key, one payable page.

Three phases. 1: the key's lease, the transaction and an attempt are committed. 2: the provider is called; the request
is a pure function of stored rows and its key is the attempt's. 3: the result and the response snapshot are committed.
A retry after a crash takes over when the lease is over, and goes on from what is stored. When an attempt surely made
nothing, the next of the transaction's accounts has its turn.
"""

import time
from uuid import UUID

from paylink.core.errors import FieldProblem, IdempotencyKeyReused, NotSupported, ProviderRefused, ProviderUnreachable
from paylink.core.log_ids import log_ids
from paylink.providers.http import NO_TIME_LEFT, calls_end_by
from paylink.providers.payments import Payment
from paylink.providers.port import Account, Effect, ErrorKind, Provider, ProviderError
from paylink.services.checkout_begin import BREAKER_OPEN, Beginning
from paylink.services.checkout_end import Ending
from paylink.services.checkout_order import CheckoutOrder
from paylink.services.checkout_steps import LEASE_S, OPERATION, CheckoutAnswer, Due, Step, Work, replay
from paylink.services.ports import Breakers, Parts, RememberedAnswers
from paylink.store.attempts import Attempt, payment_request
from paylink.store.idempotency import KeyName, Snapshot

ANOTHER_ACCOUNT_WITHIN_S = 3.0
"""No other account is tried with less time left: it could hardly answer."""


class Checkout:
    def __init__(self, parts: Parts, breakers: Breakers, answers: RememberedAnswers) -> None:
        self._parts = parts
        self._breakers = breakers
        self._answers = answers
        self._beginning = Beginning(parts, breakers)
        self._ending = Ending(parts)

    def create(self, merchant_id: UUID, key: str, order: CheckoutOrder) -> CheckoutAnswer:
        """
        Create the order's payment page, once per idempotency key.

        Raises:
            InvalidFields: No account can take this amount, currency, expiry or payment method.
            IdempotencyKeyReused: The key stands for another request.
            RequestInProgress: The key's request is running.
            NotSupported: The provider of what the key stands for is not enabled any more; the key is free.
            ProviderRefused: The provider said no; the transaction has failed.
            ProviderUnreachable: Nothing was created; the same request may be sent again at once.
            StorageUnavailable: The database cannot answer.
        """
        name = KeyName(merchant_id, OPERATION, key)
        answer = self._remembered(name, order)
        if answer is None:
            answer = self._walk(name, order)
            if answer.status != 202:
                self._answers.remember(name, order.fingerprint, Snapshot(answer.status, answer.body))
        if answer.status == ProviderRefused.status:
            raise _refusal(answer)
        return answer

    def _remembered(self, name: KeyName, order: CheckoutOrder) -> CheckoutAnswer | None:
        found = self._answers.find(name)
        if found is None:
            return None
        fingerprint, snapshot = found
        if fingerprint != order.fingerprint:
            raise IdempotencyKeyReused("send a new key with a new request")
        return replay(snapshot)

    def _walk(self, name: KeyName, order: CheckoutOrder) -> CheckoutAnswer:
        # Another may take over when the lease is over: by half of it every call has ended.
        stop_at = time.monotonic() + LEASE_S / 2
        step = self._beginning.begin(name, order)
        while not isinstance(step, CheckoutAnswer):
            if isinstance(step, Work):
                ids = log_ids(transaction_id=step.transaction.id, attempt_id=step.attempt.id)
                with calls_end_by(stop_at), ids:
                    step = self._carry_out(name, step)
            elif stop_at - time.monotonic() > ANOTHER_ACCOUNT_WITHIN_S:
                step = self._beginning.begin_next(name, step)
            else:
                self._beginning.give_up(name, step.fence)
                raise ProviderUnreachable("nothing was created; send the same request again", retry_after_s=2)
        return step

    # Phase 2

    def _carry_out(self, name: KeyName, work: Work) -> Step:
        """Call the provider and store what came of it."""
        try:
            provider = self._parts.enabled(work.attempt.provider)
        except NotSupported:
            self._beginning.give_up(name, work.fence)
            raise
        account = self._parts.accounts.get(work.attempt.account_id)
        permit = work.permit or self._breakers.admit(account.id)
        if permit.wait_ms:
            return self._ending.unknown(name, work, BREAKER_OPEN)
        try:
            payment = self._ask(provider, account, work)
        except ProviderError as exc:
            if exc.code == NO_TIME_LEFT:
                self._breakers.release(account.id, permit)
            else:
                self._breakers.report(account.id, permit, worked=exc.kind is not ErrorKind.UNAVAILABLE)
            return self._after_failure(name, work, exc)
        self._breakers.report(account.id, permit, worked=True)
        return self._ending.lost(name, work) if payment is None else self._ending.page(name, work, payment)

    def _ask(self, provider: Provider, account: Account, work: Work) -> Payment | None:
        request = payment_request(work.transaction, work.attempt)
        if work.taken_over and not self._may_send_again(provider, work.attempt):
            return provider.find_payment(account, request)
        # The same request under the same key gives the page that may be there already.
        return provider.create_payment(account, request)

    def _may_send_again(self, provider: Provider, attempt: Attempt) -> bool:
        """Within half of the time that the provider remembers the key, and not when it remembers a failure."""
        age_s = (self._parts.now() - attempt.created_at).total_seconds()
        return not attempt.failure_stored and age_s < provider.capabilities.create_retention_s / 2

    def _after_failure(self, name: KeyName, work: Work, exc: ProviderError) -> Step:
        # A second try that surely did nothing proves nothing about the first.
        if exc.effect is Effect.UNKNOWN or work.taken_over:
            return self._ending.unknown(name, work, exc.code, stored=exc.stored)
        account_refused = exc.sent and exc.kind is ErrorKind.AUTH
        if account_refused:
            account_id = work.attempt.account_id
            self._parts.alerts.alert("account_refused", account_id=account_id, error=exc.code)
        elif exc.sent and exc.kind is not ErrorKind.RATE_LIMITED:
            return self._ending.refusal(name, work, exc)
        if account_refused and not work.left and not work.may_work_later:
            return self._ending.refusal(name, work, exc)
        step = self._ending.passed_over(name, work, exc, refused=account_refused)
        if isinstance(step, Due) and not work.left:
            self._beginning.give_up(name, work.fence)
            raise ProviderUnreachable("nothing was created; send the same request again", retry_after_s=2) from exc
        return step


def _refusal(answer: CheckoutAnswer) -> ProviderRefused:
    refusal = answer.body
    detail = f"the provider answered {refusal['code']}, and transaction {refusal['transaction_id']} has failed"
    fields = [FieldProblem(str(refusal["field"]), str(refusal["code"]))] if refusal["field"] else []
    detail += "; send a corrected request with a new Idempotency-Key"
    return ProviderRefused(detail, fields=fields, replayed=answer.replayed)
