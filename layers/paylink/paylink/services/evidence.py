"""Evidence applied to a locked transaction: the one way in which money or a state changes."""

from dataclasses import dataclass, replace
from enum import Enum
from uuid import UUID

from paylink.core.money import Money
from paylink.core.states import HAS_MONEY, OPEN, Evidence, Source, State, Verdict, decide
from paylink.providers.payments import Payment, Refund, Refundable, attempt_of
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
    """
    Evidence from one account, with the amount that was asked for and the attempt whose page it speaks of, where they
    are told. The provider's own answer also tells our refunds behind its sum, and what can be given back.
    """

    evidence: Evidence
    amount: Money | None
    attempt_id: UUID | None
    account_id: UUID
    refunds: tuple[Refund, ...] | None = None
    refundable: Refundable | None = None


def claim_of(payment: Payment, attempt_id: UUID | None, account_id: UUID) -> Claim:
    """Return what the provider's own answer claims."""
    return Claim(payment.evidence, payment.amount, attempt_id, account_id, payment.refunds, payment.refundable)


def speaks_of(uow: UnitOfWork, transaction: Transaction, account_id: UUID, payment: Payment) -> bool:
    """
    Tell whether what an account's provider answers is about this transaction.

    The attempt that it names must be one that the transaction made there; where it names none, a reference must be
    known there.
    """
    attempt_id = attempt_of(payment.references)
    if attempt_id is None:
        return not set(payment.references).isdisjoint(list_references(uow, transaction.id, account_id))
    return (attempt_id, account_id) in {(a.id, a.account_id) for a in list_attempts(uow, transaction.id)}


def alert_if_paid_twice(transaction: Transaction, payment: Payment, alerts: AlertLog) -> None:
    if payment.also_paid:
        names = [reference.value for reference in payment.also_paid]
        alerts.alert("paid_twice", transaction_id=transaction.id, also_paid=names)


def apply_evidence(uow: UnitOfWork, transaction: Transaction, claim: Claim, proof: Proof, alerts: AlertLog) -> Applied:
    """Weigh evidence, and write what it changes. The transaction's row must be locked."""
    applied = weigh_evidence(transaction, claim, proof, alerts)
    if applied.change is not None:
        write_changes(uow, [applied.change])
    figures_hold = applied.effect is Effect.APPLIED or applied.reason == "no_change"
    if figures_hold and claim.evidence.source is Source.PULL and claim.evidence.refunded is not None:
        # A checkout never comes here, and is not to import it.
        from paylink.services.refund_figures import apply_figures

        reserved = apply_figures(uow, transaction, applied.transaction, claim.refunds, proof.id, alerts)
        return replace(applied, transaction=replace(applied.transaction, refund_reserved=reserved))
    return applied


def weigh_evidence(transaction: Transaction, claim: Claim, proof: Proof, alerts: AlertLog) -> Applied:
    """
    Let the state machine decide what evidence does to a transaction. Writes nothing.

    Evidence of money, held or received, is believed only when amount and currency are ours; else nothing is written:
    MISMATCH. What an earlier attempt's page, or another account than the present one, tells is ignored, unless it is
    what was paid: a second page that is paid as well raises the alert `paid_twice`.
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
    if (
        evidence.state is State.EXPIRED
        and transaction.cancel_requested_at is not None
        and transaction.state not in HAS_MONEY
    ):
        # Some providers tell a page that was closed like one whose time is over.
        evidence = replace(evidence, state=State.CANCELLED)
    decision = decide(transaction.snapshot, evidence)
    if decision.alert is not None and decision.verdict is not Verdict.PULL:
        alerts.alert(decision.alert, transaction_id=transaction.id, evidence=proof.kind, evidence_id=proof.id)
    match decision.verdict:
        case Verdict.PULL:
            return Applied(Effect.NEEDS_PULL, "", transaction)
        case Verdict.IGNORE:
            return Applied(Effect.IGNORED, decision.reason, transaction)
        case Verdict.APPLY:
            if transaction.cancel_requested_at is not None and _gets_money(transaction, decision.steps):
                facts = {"evidence": proof.kind, "evidence_id": proof.id}
                alerts.alert("paid_after_cancel_request", transaction_id=transaction.id, **facts)
            if claim.refundable not in (None, transaction.refundable):
                transaction = replace(transaction, refundable=claim.refundable)
            account_id = claim.account_id if claim.attempt_id is not None else None
            change = change_by(transaction, decision, proof, attempt_id=claim.attempt_id, account_id=account_id)
            return Applied(Effect.APPLIED, "", change.after, change)


def _gets_money(transaction: Transaction, steps: tuple[State, ...]) -> bool:
    return transaction.state in OPEN and bool(steps) and steps[-1] in HAS_MONEY


def _of_another_attempt(transaction: Transaction, claim: Claim) -> bool:
    paid = transaction.paid_attempt_id is not None and transaction.state in HAS_MONEY
    # Before anything is paid, money is welcome on any attempt's page; its end counts only on the newest one's.
    if not paid and claim.evidence.state in HAS_MONEY:
        return False
    if claim.account_id != transaction.account_id:
        return True
    present = transaction.paid_attempt_id if paid else transaction.attempt_id
    return claim.attempt_id is not None and claim.attempt_id != present


def _amount_is_ours(transaction: Transaction, claim: Claim) -> bool:
    if claim.evidence.state not in HAS_MONEY and claim.evidence.state is not State.AUTHORIZED:
        return True
    whole, asked = transaction.amount.amount, transaction.capture_requested
    if claim.amount is not None and claim.amount != transaction.amount:
        return False
    captured = claim.evidence.captured
    if captured is None:
        return claim.amount is not None
    if captured <= 0:
        return False
    # Less than the whole is captured only of what was authorized first.
    partial = transaction.state is State.AUTHORIZED and captured < whole
    return partial or captured in (whole, asked, transaction.captured)
