"""Transactions as they are stored."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg2.extras import Json

from paylink.core.money import Money
from paylink.core.states import Dispute, Snapshot, State, Totals
from paylink.providers.port import PaymentQuery, Reference
from paylink.store.arrays import uuid_array
from paylink.store.ids import new_id
from paylink.store.unit_of_work import Row, UnitOfWork


@dataclass(frozen=True)
class Transaction:
    """One row of `transactions`. Amounts in the smallest unit people pay with."""

    id: UUID
    merchant_id: UUID
    account_id: UUID
    provider: str
    order_reference: str
    state: State
    amount: Money
    captured: int
    refunded: int
    dispute: Dispute | None
    provider_status: str | None
    description: str | None
    customer_name: str | None
    customer_email: str | None
    metadata: dict[str, str]
    success_url: str
    failure_url: str | None
    expires_at: datetime
    version: int
    answers: int
    attempt_id: UUID | None
    paid_attempt_id: UUID | None
    created_at: datetime
    updated_at: datetime

    @property
    def revision(self) -> tuple[int, int]:
        """Moves with every change and every provider's answer: what was asked before it moved is outdated."""
        return self.version, self.answers

    @property
    def snapshot(self) -> Snapshot:
        return Snapshot(self.state, self.amount.amount, Totals(self.captured, self.refunded, self.dispute))


@dataclass(frozen=True)
class NewTransaction:
    id: UUID
    merchant_id: UUID
    account_id: UUID
    provider: str
    order_reference: str
    amount: Money
    description: str | None
    customer_name: str | None
    customer_email: str | None
    metadata: dict[str, str]
    success_url: str
    failure_url: str | None
    expires_at: datetime


def insert_transaction(uow: UnitOfWork, new: NewTransaction, *, now: datetime, pull_in_s: int) -> None:
    """Store a pending transaction with the first row of its history."""
    uow.run(
        "insert_transaction",
        id=new.id,
        history_id=new_id(),
        merchant_id=new.merchant_id,
        account_id=new.account_id,
        provider=new.provider,
        order_reference=new.order_reference,
        amount=new.amount.amount,
        currency=new.amount.currency,
        description=new.description,
        customer_name=new.customer_name,
        customer_email=new.customer_email,
        metadata=Json(new.metadata),
        success_url=new.success_url,
        failure_url=new.failure_url,
        expires_at=new.expires_at,
        now=now,
        pull_in_s=pull_in_s,
    )


def read_transaction(uow: UnitOfWork, transaction_id: UUID) -> Transaction | None:
    row = uow.first("read_transaction", id=transaction_id)
    return None if row is None else _transaction(row)


def lock_transaction(uow: UnitOfWork, transaction_id: UUID) -> Transaction:
    """
    Return the row, locked to the end of the unit of work.

    Raises:
        LookupError: There is no such transaction.
    """
    return lock_transactions(uow, [transaction_id])[transaction_id]


def lock_transactions(uow: UnitOfWork, transaction_ids: Collection[UUID]) -> dict[UUID, Transaction]:
    """Return the rows that are there, by id, locked in one order to the end of the unit of work."""
    rows = uow.all_prepared("lock_transactions", ids=uuid_array(transaction_ids))
    return {row["id"]: _transaction(row) for row in rows}


def count_answer(uow: UnitOfWork, transaction_id: UUID) -> None:
    """Note that an answer of the provider was considered, whatever came of it."""
    uow.run("count_answer", id=transaction_id)


def pull_soon(uow: UnitOfWork, transaction_id: UUID) -> None:
    """Have reconciliation ask about the transaction as soon as it runs."""
    uow.run("pull_soon", id=transaction_id)


def payment_query(transaction: Transaction, references: Sequence[Reference], now: datetime) -> PaymentQuery:
    return PaymentQuery(tuple(references), transaction.amount, transaction.expires_at, now)


def _transaction(row: Row) -> Transaction:
    fields: dict[str, Any] = {name: row[name] for name in _PLAIN}
    return Transaction(
        **fields,
        state=State(row["state"]),
        amount=Money(row["amount"], row["currency"]),
        dispute=Dispute(row["dispute"]) if row["dispute"] else None,
    )


_PLAIN = [n for n in Transaction.__dataclass_fields__ if n not in ("state", "amount", "dispute")]
