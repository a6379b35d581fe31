"""Transactions, their attempts, references and history."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg2.extras import Json

from paylink.core.money import Money
from paylink.core.states import HAS_MONEY, Decision, Dispute, Snapshot, State, Totals
from paylink.providers.port import Payment, PaymentQuery, PaymentRequest, Reference
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


@dataclass(frozen=True)
class HistoryRow:
    version: int
    state: State
    implied: bool
    captured: int
    refunded: int
    dispute: str | None
    evidence: str
    evidence_id: str | None
    provider_status: str | None
    alert: str | None
    created_at: datetime


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


@dataclass(frozen=True)
class Proof:
    """Why a state changed, for the history: `kind` is request, webhook, pull, clock or refusal."""

    kind: str
    id: str | None
    provider_status: str | None


def insert_transaction(uow: UnitOfWork, new: NewTransaction, *, now: datetime, pull_in_s: int) -> None:
    """Store a pending transaction with the first row of its history."""
    uow.run(
        "insert_transaction",
        id=new.id,
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
    _insert_history(uow, new.id, 0, State.PENDING, Totals(), Proof("request", None, None), implied=False, alert=None)


def read_transaction(uow: UnitOfWork, transaction_id: UUID) -> Transaction | None:
    row = uow.first("read_transaction", id=transaction_id)
    return None if row is None else _transaction(row)


def lock_transaction(uow: UnitOfWork, transaction_id: UUID) -> Transaction:
    """
    Return the row, locked to the end of the unit of work.

    Raises:
        LookupError: There is no such transaction.
    """
    return _transaction(uow.one("lock_transaction", id=transaction_id))


def count_answer(uow: UnitOfWork, transaction_id: UUID) -> None:
    """Note that an answer of the provider was considered, whatever came of it."""
    uow.run("count_answer", id=transaction_id)


def pull_soon(uow: UnitOfWork, transaction_id: UUID) -> None:
    """Have reconciliation ask about the transaction as soon as it runs."""
    uow.run("pull_soon", id=transaction_id)


def apply_decision(
    uow: UnitOfWork, transaction: Transaction, decision: Decision, proof: Proof, *, attempt_id: UUID | None = None
) -> Transaction:
    """
    Write a decision to APPLY: the row, a history row for each step, and one notification. The row must be locked.

    When only totals change, one history row of the unchanged state records it. `attempt_id` is the attempt whose page
    the money came by, by default the newest.
    """
    steps = decision.steps or (transaction.state,)
    version = transaction.version + len(steps)
    totals = decision.totals
    newly_paid = steps[-1] in HAS_MONEY and transaction.state not in HAS_MONEY
    uow.run(
        "change_transaction",
        id=transaction.id,
        state=steps[-1],
        captured=totals.captured,
        refunded=totals.refunded,
        dispute=totals.dispute,
        provider_status=proof.provider_status,
        version=version,
        paid_attempt_id=(attempt_id or transaction.attempt_id) if newly_paid else None,
    )
    for number, state in enumerate(steps, start=transaction.version + 1):
        last = number == version
        _insert_history(
            uow, transaction.id, number, state, totals, proof, implied=not last, alert=decision.alert if last else None
        )
    uow.run(
        "insert_notification",
        id=new_id(),
        merchant_id=transaction.merchant_id,
        transaction_id=transaction.id,
        version=version,
        kind=f"transaction.{steps[-1]}",
        body=Json({"transaction_id": str(transaction.id), "state": steps[-1], "captured": totals.captured,
                   "refunded": totals.refunded, "dispute": totals.dispute, "currency": transaction.amount.currency}),
    )  # fmt: skip
    return lock_transaction(uow, transaction.id)


def list_history(uow: UnitOfWork, transaction_id: UUID) -> list[HistoryRow]:
    rows = uow.all("list_history", id=transaction_id)
    return [HistoryRow(**(row | {"state": State(row["state"])})) for row in rows]


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


def payment_query(transaction: Transaction, references: Sequence[Reference], now: datetime) -> PaymentQuery:
    return PaymentQuery(tuple(references), transaction.amount, transaction.expires_at, now)


def lock_references(uow: UnitOfWork, account_id: UUID, references: Sequence[Reference]) -> None:
    """Take the advisory locks of these references, in one order. Needed before adding or parking on them."""
    if references:
        uow.run("lock_references", account_id=account_id, **_columns(references))


def find_by_references(uow: UnitOfWork, account_id: UUID, references: Sequence[Reference]) -> dict[Reference, UUID]:
    """Return which of these references are known, and to which transactions they belong."""
    if not references:
        return {}
    rows = uow.all("find_by_references", account_id=account_id, **_columns(references))
    return {Reference(row["kind"], row["value"]): row["transaction_id"] for row in rows}


def add_references(
    uow: UnitOfWork, account_id: UUID, transaction_id: UUID, references: Sequence[Reference]
) -> list[UUID]:
    """Add what is new, and return the parked events that are in flight again because of it. Locks must be held."""
    if not references:
        return []
    added = uow.all("add_references", account_id=account_id, transaction_id=transaction_id, **_columns(references))
    if not added:
        return []
    fresh = [Reference(row["kind"], row["value"]) for row in added]
    return [row["id"] for row in uow.all("unpark_events", account_id=account_id, **_columns(fresh))]


def list_references(uow: UnitOfWork, transaction_id: UUID) -> list[Reference]:
    """Return a transaction's references, the newest first."""
    return [Reference(row["kind"], row["value"]) for row in uow.all("list_references", id=transaction_id)]


def _columns(references: Sequence[Reference]) -> dict[str, list[str]]:
    return {"kinds": [r.kind for r in references], "values": [r.value for r in references]}


def _insert_history(
    uow: UnitOfWork,
    transaction_id: UUID,
    version: int,
    state: State,
    totals: Totals,
    proof: Proof,
    *,
    implied: bool,
    alert: str | None,
) -> None:
    uow.run(
        "insert_history",
        id=new_id(),
        transaction_id=transaction_id,
        version=version,
        state=state,
        implied=implied,
        captured=totals.captured,
        refunded=totals.refunded,
        dispute=totals.dispute,
        evidence=proof.kind,
        evidence_id=proof.id,
        provider_status=proof.provider_status,
        alert=alert,
    )


def _transaction(row: Row) -> Transaction:
    fields: dict[str, Any] = {name: row[name] for name in _PLAIN}
    return Transaction(
        **fields,
        state=State(row["state"]),
        amount=Money(row["amount"], row["currency"]),
        dispute=Dispute(row["dispute"]) if row["dispute"] else None,
    )


_PLAIN = [n for n in Transaction.__dataclass_fields__ if n not in ("state", "amount", "dispute")]
