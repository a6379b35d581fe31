"""Attempts: the calls that ask a provider for a page, and what came of them."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from paylink.providers.port import Payment, PaymentRequest
from paylink.store.transactions import Transaction
from paylink.store.unit_of_work import UnitOfWork


@dataclass(frozen=True)
class Attempt:
    """One row of `attempts`. `outcome` is None while the call runs, or when its process died."""

    id: UUID
    number: int
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


def insert_attempt(
    uow: UnitOfWork, transaction: Transaction, attempt_id: UUID, number: int, *, expires_at: datetime, now: datetime
) -> None:
    uow.run(
        "insert_attempt",
        id=attempt_id,
        transaction_id=transaction.id,
        number=number,
        expires_at=expires_at,
        now=now,
    )


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
        metadata=transaction.metadata,
    )
