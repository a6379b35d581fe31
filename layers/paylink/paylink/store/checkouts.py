"""What a checkout stores: its first rows in one statement, and its page with its answer in another."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from psycopg2.extras import Json

from paylink.providers.payments import Payment
from paylink.store.arrays import text_array, uuid_array
from paylink.store.attempts import Attempt, NewAttempt, attempt_columns, begun
from paylink.store.idempotency import KeyName, Snapshot
from paylink.store.ids import new_id
from paylink.store.transactions import Transaction, transaction_of
from paylink.store.unit_of_work import UnitOfWork


def begin_checkout(
    uow: UnitOfWork,
    name: KeyName,
    fingerprint: bytes,
    transaction: Transaction,
    attempts: Sequence[NewAttempt],
    *,
    lease_s: int,
    pull_in_s: int,
) -> tuple[Attempt, int] | None:
    """
    Take a new key and store a new transaction with its attempts, all in one statement.

    Return the last attempt, which begins, and the lease's fence; None, and nothing is stored, when the key exists.
    """
    last = attempts[-1]
    rows = uow.all_prepared(
        "begin_checkout",
        **name.columns,
        **attempt_columns(attempts),
        fingerprint=fingerprint,
        lease_s=lease_s,
        pull_in_s=pull_in_s,
        history_id=new_id(),
        attempt_id=last.id,
        **_columns(transaction),
    )
    if not rows:
        return None
    now, expires_at = transaction.created_at, transaction.expires_at
    return begun(attempts, after=0, expires_at=expires_at, now=now), int(rows[0]["fence"])


def _columns(transaction: Transaction) -> dict[str, Any]:
    return {
        "id": transaction.id,
        "account_id": transaction.account_id,
        "provider": transaction.provider,
        "order_reference": transaction.order_reference,
        "amount": transaction.amount.amount,
        "currency": transaction.amount.currency,
        "description": transaction.description,
        "customer_name": transaction.customer_name,
        "customer_email": transaction.customer_email,
        "customer_phone": transaction.customer_phone,
        "items": Json([vars(item) for item in transaction.items]),
        "payment_methods": text_array(transaction.payment_methods),
        "metadata": Json(transaction.metadata),
        "success_url": transaction.success_url,
        "failure_url": transaction.failure_url,
        "route": uuid_array(transaction.route),
        "manual_capture": transaction.manual_capture,
        "expires_at": transaction.expires_at,
        "now": transaction.created_at,
    }


def lock_work(uow: UnitOfWork, name: KeyName) -> tuple[int, Snapshot | None, Transaction]:
    """Lock a key and its transaction; return the fence of the key's last lease, its answer if there is one, and it."""
    [row] = uow.all_prepared("lock_work", **name.columns)
    finished = row["recovery_point"] == "finished"
    snapshot = Snapshot(row["response_status"], row["response_body"]) if finished else None
    return row["fence"], snapshot, transaction_of(row)


def finish_checkout(
    uow: UnitOfWork,
    name: KeyName,
    transaction: Transaction,
    attempt_id: UUID,
    payment: Payment,
    body: dict[str, object],
    *,
    heard: bool,
) -> Snapshot:
    """End an attempt with its page, and the key with its answer. `heard`: the provider's answer was considered."""
    snapshot = Snapshot(201, body)
    uow.run_prepared(
        "finish_checkout",
        **name.columns,
        id=transaction.id,
        attempt_id=attempt_id,
        checkout_url=payment.checkout_url,
        expires_at=payment.expires_at,
        answers=1 if heard else 0,
        status=snapshot.status,
        body=Json(body),
    )
    return snapshot
