"""Disputes: a payer's bank takes the money back, and a decision later keeps or returns it."""

from paylink_sandbox.documents import Document
from paylink_sandbox.errors import NotPossible
from paylink_sandbox.stripe.account import SLUG, Account
from paylink_sandbox.stripe.balance import add_dispute_movement
from paylink_sandbox.stripe.charges import left
from paylink_sandbox.stripe.intents import session_of

_ANSWER_WITHIN_S = 7 * 86_400


def open_dispute(account: Account, charge: Document) -> None:
    """Raises NotPossible unless captured money is left and no dispute came before."""
    units = left(charge)
    if charge["disputed"] or charge["status"] != "succeeded" or units <= 0:
        raise NotPossible("this charge cannot be disputed")
    dispute = {
        "id": account.new_id("du_1"),
        "object": "dispute",
        "amount": units,
        "balance_transactions": [],
        "charge": charge["id"],
        "created": account.now(),
        "currency": charge["currency"],
        "enhanced_eligibility_types": [],
        "evidence": {},
        "evidence_details": {
            "due_by": account.now() + _ANSWER_WITHIN_S,
            "has_evidence": False,
            "past_due": False,
            "submission_count": 0,
        },
        "is_charge_refundable": False,
        "livemode": False,
        "metadata": {},
        "payment_intent": charge["payment_intent"],
        "payment_method_details": {
            "type": "card",
            "card": {"brand": "visa", "case_type": "chargeback", "network_reason_code": "10.4"},
        },
        "reason": "fraudulent",
        "status": "needs_response",
    }
    dispute["balance_transactions"] = [add_dispute_movement(account, dispute, -units)]
    account.add(dispute)
    charge["disputed"] = True
    account.save(charge)
    account.frame.ledger.set_dispute(SLUG, charge["id"], "open")
    events = {"charge.dispute.created": dispute, "charge.dispute.funds_withdrawn": dispute}
    account.emit(events, _reference(account, charge))


def close_dispute(account: Account, charge: Document, *, won: bool) -> None:
    """Raises NotPossible unless a dispute is open."""
    dispute = next(iter(account.all_of("dispute", charge=charge["id"])), None)
    if dispute is None or dispute["status"] != "needs_response":
        raise NotPossible("this charge has no open dispute")
    dispute["status"] = "won" if won else "lost"
    events = {"charge.dispute.closed": dispute}
    if won:
        dispute["balance_transactions"].append(add_dispute_movement(account, dispute, dispute["amount"]))
        dispute["is_charge_refundable"] = True
        events["charge.dispute.funds_reinstated"] = dispute
    account.save(dispute)
    account.frame.ledger.set_dispute(SLUG, charge["id"], dispute["status"])
    account.emit(events, _reference(account, charge))


def _reference(account: Account, charge: Document) -> str | None:
    reference: str | None = session_of(account, charge["payment_intent"])["client_reference_id"]
    return reference
