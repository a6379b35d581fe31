"""Transactions, their attempts, references and history."""

import json
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from psycopg2.extras import Json

from paylink.core.money import Money
from paylink.core.states import HAS_MONEY, Decision, Dispute, Snapshot, State, Totals
from paylink.providers.port import Payment, PaymentQuery, PaymentRequest, Reference
from paylink.store.arrays import boolean_array, integer_array, text_array, uuid_array
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


@dataclass(frozen=True)
class Change:
    """What a decision makes of a transaction. A history row is due for each of `steps`, the last with the alert."""

    after: Transaction
    steps: tuple[State, ...]
    proof: Proof
    alert: str | None


def change_by(transaction: Transaction, decision: Decision, proof: Proof, *, attempt_id: UUID | None = None) -> Change:
    """
    Return what a decision to APPLY changes. Pure; `write_changes` writes it.

    When only totals change, one history row of the unchanged state records it. `attempt_id` is the attempt whose page
    the money came by, by default the newest.
    """
    steps = decision.steps or (transaction.state,)
    newly_paid = steps[-1] in HAS_MONEY and transaction.state not in HAS_MONEY
    after = replace(
        transaction,
        state=steps[-1],
        captured=decision.totals.captured,
        refunded=decision.totals.refunded,
        dispute=decision.totals.dispute,
        provider_status=proof.provider_status or transaction.provider_status,
        version=transaction.version + len(steps),
        paid_attempt_id=(attempt_id or transaction.attempt_id) if newly_paid else transaction.paid_attempt_id,
    )
    return Change(after, steps, proof, decision.alert)


def write_changes(uow: UnitOfWork, changes: Sequence[Change]) -> None:
    """
    Write changes in their order: the rows, a history row for each step, and one notification for each change.

    The rows must be locked; of one transaction there may be several changes, each made from the one before.
    """
    final = {change.after.id: change.after for change in changes}.values()
    steps = [step for change in changes for step in _history_of(change)]
    uow.run_prepared(
        "write_changes",
        ids=uuid_array(t.id for t in final),
        states=text_array(t.state for t in final),
        captured=integer_array(t.captured for t in final),
        refunded=integer_array(t.refunded for t in final),
        disputes=text_array(t.dispute for t in final),
        provider_statuses=text_array(t.provider_status for t in final),
        versions=integer_array(t.version for t in final),
        paid_attempt_ids=uuid_array(t.paid_attempt_id for t in final),
        history_ids=uuid_array(new_id() for _ in steps),
        history_transaction_ids=uuid_array(step.of.after.id for step in steps),
        history_versions=integer_array(step.version for step in steps),
        history_states=text_array(step.state for step in steps),
        history_implied=boolean_array(not step.last for step in steps),
        history_captured=integer_array(step.of.after.captured for step in steps),
        history_refunded=integer_array(step.of.after.refunded for step in steps),
        history_disputes=text_array(step.of.after.dispute for step in steps),
        history_evidence=text_array(step.of.proof.kind for step in steps),
        history_evidence_ids=text_array(step.of.proof.id for step in steps),
        history_provider_statuses=text_array(step.of.proof.provider_status for step in steps),
        history_alerts=text_array(step.of.alert if step.last else None for step in steps),
        notification_ids=uuid_array(new_id() for _ in changes),
        notification_merchant_ids=uuid_array(c.after.merchant_id for c in changes),
        notification_transaction_ids=uuid_array(c.after.id for c in changes),
        notification_versions=integer_array(c.after.version for c in changes),
        notification_kinds=text_array(f"transaction.{c.after.state}" for c in changes),
        notification_bodies=text_array(_notification_body(c.after) for c in changes),
    )


class _Step(NamedTuple):
    of: Change
    version: int
    state: State
    last: bool


def _history_of(change: Change) -> list[_Step]:
    first = change.after.version - len(change.steps) + 1
    return [_Step(change, n, state, n == change.after.version) for n, state in enumerate(change.steps, start=first)]


def _notification_body(transaction: Transaction) -> str:
    return json.dumps(
        {
            "transaction_id": str(transaction.id),
            "state": transaction.state,
            "captured": transaction.captured,
            "refunded": transaction.refunded,
            "dispute": transaction.dispute,
            "currency": transaction.amount.currency,
        }
    )


def apply_decision(uow: UnitOfWork, transaction: Transaction, decision: Decision, proof: Proof) -> Transaction:
    """Write a decision to APPLY of our own, made without evidence. The row must be locked."""
    change = change_by(transaction, decision, proof)
    write_changes(uow, [change])
    return change.after


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


Names = Sequence[tuple[UUID, Reference]]
"""References, each within its account."""


def names(account_id: UUID, references: Iterable[Reference]) -> Names:
    return [(account_id, reference) for reference in references]


def lock_references(uow: UnitOfWork, references: Names) -> None:
    """Take the advisory locks of these references, in one order. Needed before adding or parking on them."""
    if references:
        uow.run_prepared("lock_references", **_columns(references))


def find_by_references(uow: UnitOfWork, references: Names) -> dict[tuple[UUID, Reference], UUID]:
    """Return which of these references are known, and to which transactions they belong."""
    if not references:
        return {}
    rows = uow.all_prepared("find_by_references", **_columns(references))
    return {(row["account_id"], Reference(row["kind"], row["value"])): row["transaction_id"] for row in rows}


def add_references(uow: UnitOfWork, references: Names, transaction_ids: Sequence[UUID]) -> list[UUID]:
    """
    Add those that are new, each to the transaction at its place; return the parked events that are in flight again
    because of it. Locks must be held.
    """
    if not references:
        return []
    columns = _columns(references)
    woken = uow.all_prepared("add_references", transaction_ids=uuid_array(transaction_ids), **columns)
    return [row["id"] for row in woken]


def list_references(uow: UnitOfWork, transaction_id: UUID) -> list[Reference]:
    """Return a transaction's references, the newest first."""
    return [Reference(row["kind"], row["value"]) for row in uow.all("list_references", id=transaction_id)]


def _columns(references: Names) -> dict[str, Any]:
    return {
        "account_ids": uuid_array(account_id for account_id, _ in references),
        "kinds": text_array(reference.kind for _, reference in references),
        "values": text_array(reference.value for _, reference in references),
    }


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
