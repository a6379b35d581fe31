"""Disputes: a payer's bank asks for the money back, and a decision later keeps or returns it."""

from decimal import Decimal

from paylink_sandbox.documents import Document
from paylink_sandbox.errors import NotPossible
from paylink_sandbox.xendit.account import SLUG, USER_ID, Account, new_uuid, timestamp
from paylink_sandbox.xendit.amounts import to_amount
from paylink_sandbox.xendit.payments import invoice_of_payment
from paylink_sandbox.xendit.transactions import add_outgoing_row

_ANSWER_WITHIN_S = 7 * 86_400


def open_dispute(account: Account, payment_id: str) -> None:
    """Raises NotPossible unless money is left and no dispute came before."""
    charge = account.frame.ledger.charge(SLUG, payment_id)
    invoice = invoice_of_payment(account, payment_id)
    assert charge is not None, "written together with the payment"
    left = charge.amount.with_units(charge.amount.units - charge.refunded.units)
    if charge.dispute is not None or left.units <= 0:
        raise NotPossible("this payment cannot be disputed")
    dispute: Document = {
        "id": new_uuid("mi-dspt-"),
        "business_id": USER_ID,
        "payment_id": payment_id,
        "reference_id": invoice["external_id"],
        "status": "ACTION_REQUIRED",
        "status_reason": "The payer says that this payment was not theirs.",
        "currency": invoice["currency"],
        "amount": {"initial": left.decimal, "terminal": None},
        "due_date": timestamp(account.now() + _ANSWER_WITHIN_S),
        "created": account.stamp(),
        "updated": account.stamp(),
    }
    account.add("dispute", dispute["id"], dispute)
    account.frame.ledger.set_dispute(SLUG, payment_id, "open")
    _emit(account, dispute)


def close_dispute(account: Account, payment_id: str, *, won: bool) -> None:
    """Raises NotPossible unless a dispute is open."""
    dispute = next(iter(account.all_of("dispute", {"payment_id": payment_id, "status": "ACTION_REQUIRED"})), None)
    if dispute is None:
        raise NotPossible("this payment has no open dispute")
    amount = dispute["amount"]["initial"]
    dispute |= {
        "status": "WON" if won else "LOST",
        "status_reason": "The bank found for the merchant." if won else "The bank found for the payer.",
        "amount": {"initial": amount, "terminal": amount},
        "updated": account.stamp(),
    }
    account.save("dispute", dispute["id"], dispute)
    account.frame.ledger.set_dispute(SLUG, payment_id, dispute["status"].lower())
    if not won:
        invoice = invoice_of_payment(account, payment_id)
        taken = to_amount(Decimal(amount), invoice["currency"])
        add_outgoing_row(account, invoice, "CHARGEBACK", payment_id, taken)
    _emit(account, dispute)


def _emit(account: Account, dispute: Document) -> None:
    event = f"dispute.{dispute['status'].lower()}"
    account.emit(event, {"event": event, **dispute}, dispute["reference_id"], ("amount.initial",))
