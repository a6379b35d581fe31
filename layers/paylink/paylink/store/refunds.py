"""Our own refunds: each row, its history, its notification and what it reserves of its transaction, always together."""

import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg2.extras import Json

from paylink.core.money import Money
from paylink.core.refunds import RefundState, Standing
from paylink.store.arrays import boolean_array, integer_array, text_array, uuid_array
from paylink.store.idempotency import KeyName
from paylink.store.ids import new_id
from paylink.store.transactions import Transaction
from paylink.store.unit_of_work import Row, UnitOfWork

_log = logging.getLogger("paylink")


@dataclass(frozen=True)
class Refund:
    """
    One row of `refunds`. `leased`: somebody works at it, for `leased_s` seconds more at most; `fence` is the number of
    the last lease. `age_s` is its age by the database's clock, `quiet_s` the time since it may have been sent last.
    """

    id: UUID
    transaction_id: UUID
    merchant_id: UUID
    account_id: UUID
    amount: Money
    reason: str | None
    metadata: dict[str, str]
    state: RefundState
    counted: bool
    reference: str | None
    error: str | None
    failure_stored: bool
    fence: int
    leased: bool
    leased_s: int
    version: int
    age_s: float
    quiet_s: float
    created_at: datetime

    @property
    def standing(self) -> Standing:
        return Standing(self.amount.amount, self.state, self.counted)

    def moved(self, standing: Standing, **changes: Any) -> "Refund":
        return replace(self, state=standing.state, counted=standing.counted, **changes)


@dataclass(frozen=True)
class RefundHistoryRow:
    version: int
    state: RefundState
    reserved: int
    evidence: str
    evidence_id: str | None
    alert: str | None
    created_at: datetime


@dataclass(frozen=True)
class RefundProof:
    """Why a refund changed: `kind` is request, answer, lookup or pull."""

    kind: str
    id: str | None = None


@dataclass(frozen=True)
class RefundChange:
    before: Refund
    after: Refund
    alert: str | None = None


def reserve_refund(
    uow: UnitOfWork,
    transaction: Transaction,
    refund_id: UUID,
    amount: int,
    *,
    reason: str | None,
    metadata: dict[str, str],
    now: datetime,
    lease_s: int,
) -> Refund:
    """
    Store a refund with a new lease and reserve its amount. The transaction's row must be locked. One that is there, and
    was not sent, is asked for anew: what it was to be, and the key that stood for it, are forgotten.
    """
    uow.run(
        "reserve_refund",
        id=refund_id,
        history_id=new_id(),
        transaction_id=transaction.id,
        merchant_id=transaction.merchant_id,
        account_id=transaction.account_id,
        amount=amount,
        currency=transaction.amount.currency,
        reason=reason,
        metadata=Json(metadata),
        now=now,
        lease_s=lease_s,
    )
    return next(refund for refund in list_refunds(uow, transaction.id) if refund.id == refund_id)


def name_refund(uow: UnitOfWork, name: KeyName, refund: Refund) -> None:
    """Note which refund an idempotency key stands for."""
    uow.run("name_refund", **name.columns, transaction_id=refund.transaction_id, refund_id=refund.id)


def find_named_refund(uow: UnitOfWork, name: KeyName) -> UUID | None:
    """Return the refund that a key stands for; None when that was not sent, and has become another key's."""
    refund_id: UUID | None = uow.one("find_named_refund", **name.columns)["refund_id"]
    return refund_id


def list_refunds(uow: UnitOfWork, transaction_id: UUID) -> list[Refund]:
    """Return a transaction's refunds, the oldest first."""
    return [_refund(row) for row in uow.all("list_refunds", transaction_id=transaction_id)]


def lock_refunds(uow: UnitOfWork, transaction_id: UUID) -> dict[UUID, Refund]:
    """Return a transaction's refunds, the oldest first, locked; the transaction's row must be locked before."""
    return {row["id"]: _refund(row) for row in uow.all("lock_refunds", transaction_id=transaction_id)}


def take_over_refund(uow: UnitOfWork, refund: Refund, *, lease_s: int) -> Refund:
    """Begin a new lease. The refund must be locked and its last lease over."""
    row = uow.one("take_over_refund", id=refund.id, lease_s=lease_s)
    return replace(refund, fence=row["fence"], leased=True)


def note_sending(uow: UnitOfWork, refund: Refund) -> None:
    """Note that a refund is sent again now."""
    uow.run("note_sending", id=refund.id)


def release_refund(uow: UnitOfWork, refund: Refund) -> None:
    """Give the lease back, unless another has it by now."""
    uow.run("release_refund", id=refund.id, fence=refund.fence)


def write_refunds(
    uow: UnitOfWork,
    transaction: Transaction,
    refunds: dict[UUID, Refund],
    changes: Sequence[RefundChange],
    proof: RefundProof,
) -> int:
    """
    Write changes, and what the transaction then has reserved, which is returned. `refunds` are all of the transaction,
    locked; of those that changed state merchants are told. Each is released.
    """
    for change in changes:
        facts = {"transaction_id": str(transaction.id), "refund_id": str(change.after.id)}
        _log.debug("a refund changes", extra={**facts, "state": change.after.state.value, "evidence": proof.kind})
    after = refunds | {change.after.id: change.after for change in changes}
    reserved = sum(refund.standing.reserved for refund in after.values())
    versions = [change.before.version + 1 for change in changes]
    told = [(change.after, version) for change, version in zip(changes, versions, strict=True) if _is_news(change)]
    uow.run(
        "write_refunds",
        transaction_id=transaction.id,
        merchant_id=transaction.merchant_id,
        refund_reserved=reserved,
        ids=uuid_array(c.after.id for c in changes),
        states=text_array(c.after.state for c in changes),
        counted=boolean_array(c.after.counted for c in changes),
        references=text_array(c.after.reference for c in changes),
        errors=text_array(c.after.error for c in changes),
        failures_stored=boolean_array(c.after.failure_stored for c in changes),
        versions=integer_array(versions),
        settled=boolean_array(c.after.standing.settled for c in changes),
        reserved=integer_array(c.after.standing.reserved for c in changes),
        history_ids=uuid_array(new_id() for _ in changes),
        alerts=text_array(c.alert for c in changes),
        evidence=proof.kind,
        evidence_id=proof.id,
        notification_ids=uuid_array(new_id() for _ in told),
        notification_refund_ids=uuid_array(refund.id for refund, _ in told),
        notification_versions=integer_array(version for _, version in told),
        notification_kinds=text_array(f"refund.{refund.state}" for refund, _ in told),
        notification_bodies=text_array(_notification_body(refund) for refund, _ in told),
    )
    return reserved


def list_refund_history(uow: UnitOfWork, refund_id: UUID) -> list[RefundHistoryRow]:
    rows = uow.all("list_refund_history", id=refund_id)
    return [RefundHistoryRow(**(row | {"state": RefundState(row["state"])})) for row in rows]


def _is_news(change: RefundChange) -> bool:
    """What is not known yet, or has not been sent, is no news to a merchant."""
    told = (RefundState.PENDING, RefundState.SUCCEEDED, RefundState.FAILED)
    return change.after.state is not change.before.state and change.after.state in told


def _notification_body(refund: Refund) -> str:
    return json.dumps(
        {
            "refund_id": str(refund.id),
            "transaction_id": str(refund.transaction_id),
            "state": refund.state,
            "amount": refund.amount.amount,
            "currency": refund.amount.currency,
            "error": refund.error,
        }
    )


def _refund(row: Row) -> Refund:
    fields: dict[str, Any] = {name: row[name] for name in _PLAIN}
    return Refund(**fields, state=RefundState(row["state"]), amount=Money(row["amount"], row["currency"]))


_PLAIN = [n for n in Refund.__dataclass_fields__ if n not in ("state", "amount")]
