"""Evidence applied to a locked transaction: the one way in which money or a state changes."""

from dataclasses import dataclass
from enum import Enum

from paylink.core.money import Money
from paylink.core.states import HAS_MONEY, Evidence, State, Verdict, decide
from paylink.services.ports import AlertLog
from paylink.store.transactions import Proof, Transaction, apply_decision
from paylink.store.unit_of_work import UnitOfWork


class Effect(Enum):
    APPLIED = "applied"
    IGNORED = "ignored"
    NEEDS_PULL = "needs_pull"
    MISMATCH = "mismatch"


@dataclass(frozen=True)
class Applied:
    effect: Effect
    reason: str
    transaction: Transaction


def apply_evidence(
    uow: UnitOfWork, transaction: Transaction, evidence: Evidence, amount: Money | None, proof: Proof, alerts: AlertLog
) -> Applied:
    """
    Let the state machine decide, and write what it decides. The transaction's row must be locked.

    Evidence of money is believed only when amount and currency are ours; else nothing is written: MISMATCH.
    """
    if evidence.state in HAS_MONEY and not _amount_is_ours(transaction, evidence, amount):
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
            return Applied(Effect.APPLIED, "", apply_decision(uow, transaction, decision, proof))


def _amount_is_ours(transaction: Transaction, evidence: Evidence, amount: Money | None) -> bool:
    if amount is not None and amount != transaction.amount:
        return False
    if evidence.captured is None or evidence.captured in (transaction.amount.amount, transaction.captured):
        return amount is not None or evidence.captured is not None
    # Less than the whole is captured only of what was authorized first.
    return transaction.state is State.AUTHORIZED and 0 < evidence.captured < transaction.amount.amount
