"""Attempts: the calls that ask a provider for a page, and what came of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from paylink.providers.payments import Payment, PaymentRequest
from paylink.providers.port import Account
from paylink.store.arrays import text_array, uuid_array
from paylink.store.transactions import Transaction
from paylink.store.unit_of_work import UnitOfWork

NOT_FOUND = "not_found"
"""The error of an attempt that may have reached its provider, and whose page nobody can ever reach."""


@dataclass(frozen=True)
class Attempt:
    """
    One row of `attempts`. `outcome` is None while the call runs, or when its process died. `account` is the name of the
    account beside its provider.
    """

    id: UUID
    number: int
    account_id: UUID
    provider: str
    account: str
    outcome: str | None
    error: str | None
    failure_stored: bool
    checkout_url: str | None
    expires_at: datetime
    created_at: datetime
    finished_at: datetime | None

    @property
    def may_have_page(self) -> bool:
        return self.outcome in (None, "pending", "unknown")


@dataclass(frozen=True)
class NewAttempt:
    """An attempt to store: one that begins now, or with an `error` one whose account was passed over."""

    id: UUID
    account: Account
    error: str | None = None


def attempt_columns(attempts: Sequence[NewAttempt]) -> dict[str, Any]:
    """Return the arrays that the queries take which store attempts."""
    return {
        "attempt_ids": uuid_array(attempt.id for attempt in attempts),
        "account_ids": uuid_array(attempt.account.id for attempt in attempts),
        "outcomes": text_array("not_sent" if attempt.error else None for attempt in attempts),
        "errors": text_array(attempt.error for attempt in attempts),
    }


def begun(attempts: Sequence[NewAttempt], *, after: int, expires_at: datetime, now: datetime) -> Attempt:
    """Return the last of new attempts as it is stored; `after` is the number of the last one before them."""
    last = attempts[-1]
    return Attempt(
        id=last.id,
        number=after + len(attempts),
        account_id=last.account.id,
        provider=last.account.provider,
        account=last.account.name,
        outcome=None,
        error=None,
        failure_stored=False,
        checkout_url=None,
        expires_at=expires_at,
        created_at=now,
        finished_at=None,
    )


def insert_attempts(
    uow: UnitOfWork, transaction: Transaction, attempts: Sequence[NewAttempt], *, after: int, now: datetime
) -> Attempt:
    """
    Add attempts to a locked transaction that has none with a page; the last of them begins, and is returned.

    Each id is new: no event can wait for its reference, so no lock is needed for it.
    """
    last = attempts[-1]
    uow.run(
        "insert_attempts",
        **attempt_columns(attempts),
        attempt_id=last.id,
        account_id=last.account.id,
        provider=last.account.provider,
        transaction_id=transaction.id,
        after=after,
        expires_at=transaction.expires_at,
        now=now,
    )
    return begun(attempts, after=after, expires_at=transaction.expires_at, now=now)


def list_attempts(uow: UnitOfWork, transaction_id: UUID) -> list[Attempt]:
    return [Attempt(**row) for row in uow.all("list_attempts", id=transaction_id)]


def finish_attempt(
    uow: UnitOfWork,
    attempt_id: UUID,
    outcome: str,
    *,
    error: str | None = None,
    failure_stored: bool = False,
    payment: Payment | None = None,
) -> bool:
    """End an attempt; False when it had ended before (a slower twin of this process was faster)."""
    ended = uow.run(
        "finish_attempt",
        id=attempt_id,
        outcome=outcome,
        error=error,
        failure_stored=failure_stored,
        checkout_url=payment.checkout_url if payment else None,
        expires_at=payment.expires_at if payment else None,
    )
    return ended == 1


def payment_request(transaction: Transaction, attempt: Attempt) -> PaymentRequest:
    """Return what the provider is told: only stored facts, so that a repetition is the same request."""
    return PaymentRequest(
        attempt_id=attempt.id,
        transaction_id=transaction.id,
        amount=transaction.amount,
        order_reference=transaction.order_reference,
        created_at=attempt.created_at,
        expires_at=transaction.expires_at,
        success_url=transaction.success_url,
        failure_url=transaction.failure_url,
        description=transaction.description,
        customer_name=transaction.customer_name,
        customer_email=transaction.customer_email,
        customer_phone=transaction.customer_phone,
        items=transaction.items,
        payment_methods=transaction.payment_methods,
        # Postgres keeps no order of names.
        metadata=dict(sorted(transaction.metadata.items())),
        manual_capture=transaction.manual_capture,
    )
