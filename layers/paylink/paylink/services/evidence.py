"""Evidence applied to a locked transaction: the one way in which money or a state changes."""

from dataclasses import dataclass
from enum import Enum
from uuid import UUID

from paylink.core.money import Money
from paylink.core.states import HAS_MONEY, Evidence, State, Verdict, decide
from paylink.providers.port import Payment, attempt_of
from paylink.services.ports import AlertLog
from paylink.store.attempts import list_attempts
from paylink.store.changes import Change, Proof, change_by, write_changes
from paylink.store.references import list_references
from paylink.store.transactions import Transaction
from paylink.store.unit_of_work import UnitOfWork


class Effect(Enum):
    APPLIED = "applied"
    IGNORED = "ignored"
    NEEDS_PULL = "needs_pull"
    MISMATCH = "mismatch"


@dataclass(frozen=True)
class Applied:
    """What evidence does: `transaction` as it is then, and with APPLIED the change to write."""

    effect: Effect
    reason: str
    transaction: Transaction
    change: Change | None = None


@dataclass(frozen=True)
class Claim:
    """Evidence with the amount that was asked for and the attempt whose page it speaks of, where they are told."""

    evidence: Evidence
    amount: Money | None
    attempt_id: UUID | None


def speaks_of(uow: UnitOfWork, transaction: Transaction, payment: Payment) -> bool:
    """
    Tell whether a provider's answer is about this transaction.

    The attempt that it names must be one of the transaction's own; where it names none, a reference must be known.
    """
    attempt_id = attempt_of(payment.references)
    if attempt_id is None:
        return not set(payment.references).isdisjoint(list_references(uow, transaction.id))
    return attempt_id in {attempt.id for attempt in list_attempts(uow, transaction.id)}


def alert_if_paid_twice(transaction: Transaction, payment: Payment, alerts: AlertLog) -> None:
    if payment.also_paid:
        names = [reference.value for reference in payment.also_paid]
        alerts.alert("paid_twice", transaction_id=transaction.id, also_paid=names)


def apply_evidence(uow: UnitOfWork, transaction: Transaction, claim: Claim, proof: Proof, alerts: AlertLog) -> Applied:
    """Weigh evidence, and write what it changes. The transaction's row must be locked."""
    applied = weigh_evidence(transaction, claim, proof, alerts)
    if applied.change is not None:
        write_changes(uow, [applied.change])
    return applied


def weigh_evidence(transaction: Transaction, claim: Claim, proof: Proof, alerts: AlertLog) -> Applied:
    """
    Let the state machine decide what evidence does to a transaction. Writes nothing.

    Evidence of money, held or received, is believed only when amount and currency are ours; else nothing is written:
    MISMATCH. What an earlier attempt's page tells is ignored, unless it is the one that was paid: a second page that is
    paid as well raises the alert `paid_twice`.
    """
    evidence = claim.evidence
    if _of_another_attempt(transaction, claim):
        reason = "paid_twice" if evidence.state in HAS_MONEY else "other_attempt"
        if evidence.state in HAS_MONEY:
            alerts.alert(reason, transaction_id=transaction.id, attempt_id=claim.attempt_id, evidence_id=proof.id)
        return Applied(Effect.IGNORED, reason, transaction)
    if not _amount_is_ours(transaction, claim):
        alerts.alert("amount_mismatch", transaction_id=transaction.id, evidence=proof.kind, evidence_id=proof.id)
        return Applied(Effect.MISMATCH, "amount_mismatch", transaction)
    decision = decide(transaction.snapshot, evidence)
    if decision.alert is not None and decision.verdict is not Verdict.PULL:
        alerts.alert(decision.alert, transaction_id=transaction.id, evidence=proof.kind, evidence_id=proof.id)
    match decision.verdict:
        case Verdict.PULL:
            return Applied(Effect.NEEDS_PULL, "", transaction)
        case Verdict.IGNORE:
            return Applied(Effect.IGNORED, decision.reason, transaction)
        case Verdict.APPLY:
            change = change_by(transaction, decision, proof, attempt_id=claim.attempt_id)
            return Applied(Effect.APPLIED, "", change.after, change)


def _of_another_attempt(transaction: Transaction, claim: Claim) -> bool:
    if claim.attempt_id is None:
        return False
    if transaction.paid_attempt_id is not None and transaction.state in HAS_MONEY:
        return claim.attempt_id != transaction.paid_attempt_id
    # Before anything is paid, money is welcome on any attempt's page; its end counts only on the newest one's.
    return claim.evidence.state not in HAS_MONEY and claim.attempt_id != transaction.attempt_id


def _amount_is_ours(transaction: Transaction, claim: Claim) -> bool:
    if claim.evidence.state not in HAS_MONEY and claim.evidence.state is not State.AUTHORIZED:
        return True
    if claim.amount is not None and claim.amount != transaction.amount:
        return False
    captured = claim.evidence.captured
    if captured is None:
        return claim.amount is not None
    if captured <= 0:
        return False
    # Less than the whole is captured only of what was authorized first.
    partial = transaction.state is State.AUTHORIZED and captured < transaction.amount.amount
    return partial or captured in (transaction.amount.amount, transaction.captured)
