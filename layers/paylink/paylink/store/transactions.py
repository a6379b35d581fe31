"""Transactions as they are stored."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from paylink.core.errors import NotFound
from paylink.core.money import Money
from paylink.core.states import Dispute, Snapshot, State, Totals
from paylink.providers.payments import Item, PaymentQuery, Reference, Refundable
from paylink.providers.port import PaymentMethod
from paylink.store.arrays import uuid_array
from paylink.store.unit_of_work import Row, UnitOfWork


@dataclass(frozen=True)
class Transaction:
    """
    One row of `transactions`. Amounts in the smallest unit people pay with.

    `route` are the accounts that may make its page; `account_id` is that of the attempt that was paid, or else of the
    newest.
    """

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
    customer_phone: str | None
    items: tuple[Item, ...]
    payment_methods: tuple[PaymentMethod, ...]
    metadata: dict[str, str]
    success_url: str
    failure_url: str | None
    route: tuple[UUID, ...]
    expires_at: datetime
    version: int
    answers: int
    attempt_id: UUID | None
    paid_attempt_id: UUID | None
    created_at: datetime
    updated_at: datetime
    refund_reserved: int
    refundable: Refundable | None
    manual_capture: bool
    cancel_requested_at: datetime | None
    capture_requested: int | None

    @property
    def revision(self) -> tuple[int, int]:
        """Moves with every change and every provider's answer: what was asked before it moved is outdated."""
        return self.version, self.answers

    @property
    def snapshot(self) -> Snapshot:
        return Snapshot(self.state, self.amount.amount, Totals(self.captured, self.refunded, self.dispute))


def read_transaction(uow: UnitOfWork, transaction_id: UUID) -> Transaction | None:
    row = uow.first("read_transaction", id=transaction_id)
    return None if row is None else transaction_of(row)


def read_owned(uow: UnitOfWork, merchant_id: UUID, transaction_id: UUID) -> Transaction:
    """
    Return a transaction of a merchant.

    Raises:
        NotFound: There is none, or it is another merchant's: neither can be told from the other.
    """
    transaction = read_transaction(uow, transaction_id)
    if transaction is None or transaction.merchant_id != merchant_id:
        raise NotFound("there is no such transaction")
    return transaction


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
    return {row["id"]: transaction_of(row) for row in rows}


def count_answer(uow: UnitOfWork, transaction_id: UUID) -> None:
    """Note that an answer of the provider was considered, whatever came of it."""
    uow.run("count_answer", id=transaction_id)


def pull_soon(uow: UnitOfWork, transaction_id: UUID) -> None:
    """Have reconciliation ask about the transaction as soon as it runs."""
    uow.run("pull_soon", id=transaction_id)


def request_cancel(uow: UnitOfWork, transaction: Transaction, *, now: datetime) -> Transaction:
    """Note that a transaction is to be cancelled. The row must be locked."""
    row = uow.one("request_cancel", id=transaction.id, now=now)
    return replace(transaction, cancel_requested_at=row["cancel_requested_at"])


def request_capture(uow: UnitOfWork, transaction: Transaction, amount: int) -> Transaction:
    """Note how much of a transaction is to be captured. The row must be locked."""
    uow.run("request_capture", id=transaction.id, amount=amount)
    return replace(transaction, capture_requested=amount)


def payment_query(transaction: Transaction, references: Sequence[Reference], now: datetime) -> PaymentQuery:
    has_refunds = transaction.refunded > 0 or transaction.refund_reserved > 0
    return PaymentQuery(tuple(references), transaction.amount, transaction.expires_at, now, has_refunds)


def transaction_of(row: Row) -> Transaction:
    """Read a row that has all columns of a transaction, perhaps among others."""
    fields: dict[str, Any] = {name: row[name] for name in _PLAIN}
    return Transaction(
        **fields,
        state=State(row["state"]),
        amount=Money(row["amount"], row["currency"]),
        dispute=Dispute(row["dispute"]) if row["dispute"] else None,
        items=tuple(Item(**item) for item in row["items"]),
        payment_methods=tuple(map(PaymentMethod, row["payment_methods"])),
        route=tuple(row["route"]),
        refundable=Refundable(row["refundable"]) if row["refundable"] else None,
    )


_READ = ("state", "amount", "dispute", "items", "payment_methods", "route", "refundable")
_PLAIN = [name for name in Transaction.__dataclass_fields__ if name not in _READ]
