"""Phase 1 of a checkout: the key's lease, the transaction and its attempt are stored before a provider is called."""

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from paylink.core.breaker import Permit
from paylink.core.errors import InvalidFields, NotSupported, ProviderUnreachable, RequestInProgress
from paylink.core.states import State
from paylink.providers.port import Account
from paylink.services.checkout_order import CheckoutOrder
from paylink.services.checkout_resume import close, expire, finish, go_on
from paylink.services.checkout_steps import LEASE_S, CheckoutAnswer, Due, Step, Work, store_if_ours
from paylink.services.ports import Breakers, Parts
from paylink.services.routes import Routes
from paylink.store import idempotency
from paylink.store import transactions as tx
from paylink.store.attempts import NewAttempt, insert_attempts, list_attempts
from paylink.store.checkouts import begin_checkout
from paylink.store.idempotency import KeyName
from paylink.store.unit_of_work import UnitOfWork

FIRST_PULL_S = 300
RETRY_SLACK_S = 60
"""What a retry's page may lack of the shortest life: no provider declares its own last minute."""

BREAKER_OPEN = "breaker_open"
"""The error of an attempt that was not made: the account's provider has failed too often."""


@dataclass(frozen=True)
class _Pick:
    """The first account that may be called; those before it were `passed_over`, those after it are `left`."""

    account: Account
    permit: Permit
    passed_over: tuple[Account, ...]
    left: tuple[UUID, ...]


class Beginning:
    def __init__(self, parts: Parts, breakers: Breakers) -> None:
        self._parts = parts
        self._breakers = breakers
        self._routes = Routes(parts)

    def begin(self, name: KeyName, order: CheckoutOrder) -> Step:
        """
        Begin an order, or go on with what its key stands for.

        Raises:
            InvalidFields: No account can take the order.
            ProviderUnreachable: None of the accounts may be called now; nothing is stored.
            IdempotencyKeyReused: The key stands for another request.
            RequestInProgress: The key's request is running.
        """
        transaction_id = self._parts.new_id()
        try:
            accounts = self._routes.of(name.merchant_id, order, transaction_id)
            picked = self._pick(accounts)
        except (InvalidFields, ProviderUnreachable):
            # Whatever could be begun now: a key that is there is answered by what it stands for.
            known = self._parts.database.run(lambda uow: go_on(uow, name, order, transaction_id))
            if known is None:
                raise
            return known
        transaction, attempts = self._new(transaction_id, order, accounts, picked)
        with self._permit_of(picked):
            begun = self._parts.database.run(
                lambda uow: begin_checkout(
                    uow, name, order.fingerprint, transaction, attempts, lease_s=LEASE_S, pull_in_s=FIRST_PULL_S
                ),
                one_statement=True,
            )
        if begun is not None:
            return Work(transaction, *begun, picked.permit, picked.left, bool(picked.passed_over))
        self._breakers.release(picked.account.id, picked.permit)
        known = self._parts.database.run(lambda uow: go_on(uow, name, order, transaction_id))
        if known is None:
            raise RequestInProgress("its key was forgotten just now; send the request again", retry_after_s=1)
        return known

    def begin_next(self, name: KeyName, due: Due) -> Step:
        """
        Begin the next attempt of a transaction, on the first account that may be called.

        Raises:
            ProviderUnreachable: None may; the key is free.
            NotSupported: Their providers are not enabled any more; the key is free.
            RequestInProgress: Another took the key over.
        """
        known = [self._parts.accounts.get(account_id) for account_id in due.accounts]
        enabled = [account for account in known if account.provider in self._parts.providers]
        if not enabled:
            self.give_up(name, due.fence)
            raise NotSupported(f"{known[0].provider} is not enabled here any more")
        accounts = [account for account in enabled if self._has_time_for_a_page(due, account)]
        if not accounts:
            return store_if_ours(self._parts, name, due.fence, lambda uow, t: expire(uow, name, t))
        try:
            picked = self._pick(accounts)
        except ProviderUnreachable:
            self.give_up(name, due.fence)
            raise
        attempts = self._attempts(picked)

        def store(uow: UnitOfWork, transaction: tx.Transaction) -> Step:
            if transaction.state is not State.PENDING:
                return finish(uow, name, transaction)
            if transaction.cancel_requested_at is not None:
                return close(uow, name, transaction, list_attempts(uow, transaction.id))
            now = self._parts.now()
            attempt = insert_attempts(uow, transaction, attempts, after=due.last_number, now=now)
            transaction = tx.lock_transaction(uow, transaction.id)
            may_work_later = due.may_work_later or bool(picked.passed_over)
            return Work(transaction, attempt, due.fence, picked.permit, picked.left, may_work_later)

        with self._permit_of(picked):
            step = store_if_ours(self._parts, name, due.fence, store)
        if not isinstance(step, Work):
            self._breakers.release(picked.account.id, picked.permit)
        return step

    @contextmanager
    def _permit_of(self, picked: _Pick) -> Iterator[None]:
        """Give it back when what is to be called cannot be stored: it may be the breaker's one probe."""
        try:
            yield
        except BaseException:
            self._breakers.release(picked.account.id, picked.permit)
            raise

    def give_up(self, name: KeyName, fence: int) -> None:
        """Give the lease back: the same request may be sent again at once."""

        def store(uow: UnitOfWork, transaction: tx.Transaction) -> Step:
            idempotency.release_key(uow, name)
            return CheckoutAnswer(ProviderUnreachable.status, {}, replayed=False)

        store_if_ours(self._parts, name, fence, store)

    def _pick(self, accounts: Sequence[Account]) -> _Pick:
        waits_ms: list[int] = []
        for place, account in enumerate(accounts):
            permit = self._breakers.admit(account.id)
            if permit.wait_ms == 0:
                left = tuple(a.id for a in accounts[place + 1 :])
                return _Pick(account, permit, tuple(accounts[:place]), left)
            waits_ms.append(permit.wait_ms)
        raise ProviderUnreachable(
            "the provider has failed too often just now; nothing was created",
            retry_after_s=max(1, math.ceil(min(waits_ms) / 1000)),
        )

    def _attempts(self, picked: _Pick) -> list[NewAttempt]:
        passed_over = [NewAttempt(self._parts.new_id(), account, BREAKER_OPEN) for account in picked.passed_over]
        return [*passed_over, NewAttempt(self._parts.new_id(), picked.account)]

    def _new(
        self, transaction_id: UUID, order: CheckoutOrder, accounts: Sequence[Account], picked: _Pick
    ) -> tuple[tx.Transaction, list[NewAttempt]]:
        attempts, now = self._attempts(picked), self._parts.now()
        # Any of them may have to make the page.
        defaults_s = [self._parts.providers[account.provider].capabilities.expiry_default_s for account in accounts]
        lifetime_s = order.expires_in_s or min(defaults_s)
        transaction = tx.Transaction(
            id=transaction_id,
            merchant_id=picked.account.merchant_id,
            account_id=picked.account.id,
            provider=picked.account.provider,
            order_reference=order.order_reference,
            state=State.PENDING,
            amount=order.amount,
            captured=0,
            refunded=0,
            dispute=None,
            provider_status=None,
            description=order.description,
            customer_name=order.customer_name,
            customer_email=order.customer_email,
            customer_phone=order.customer_phone,
            items=order.items,
            payment_methods=order.payment_methods,
            metadata=order.metadata,
            success_url=order.success_url,
            failure_url=order.failure_url,
            route=tuple(account.id for account in accounts),
            expires_at=now.replace(microsecond=0) + timedelta(seconds=lifetime_s),
            version=0,
            answers=0,
            attempt_id=attempts[-1].id,
            paid_attempt_id=None,
            created_at=now,
            updated_at=now,
            refund_reserved=0,
            refundable=None,
            manual_capture=order.manual_capture,
            cancel_requested_at=None,
            capture_requested=None,
        )
        return transaction, attempts

    def _has_time_for_a_page(self, due: Due, account: Account) -> bool:
        left_s = (due.transaction.expires_at - self._parts.now()).total_seconds()
        return left_s >= self._parts.providers[account.provider].capabilities.expiry_min_s - RETRY_SLACK_S
