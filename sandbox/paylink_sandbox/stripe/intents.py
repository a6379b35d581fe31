"""Payment intents: read, capture, cancel."""

from typing import Any

from paylink_sandbox.documents import Document
from paylink_sandbox.stripe import params as check
from paylink_sandbox.stripe.account import SLUG, Account
from paylink_sandbox.stripe.balance import add_charge_movement
from paylink_sandbox.stripe.charges import release, released
from paylink_sandbox.stripe.errors import StripeError, bad_state

CAPTURE: check.Fields = {"amount_to_capture": check.integer(1), "metadata": check.metadata}
CANCEL: check.Fields = {
    "cancellation_reason": check.one_of("abandoned", "duplicate", "fraudulent", "requested_by_customer")
}


def session_of(account: Account, intent_id: str) -> Document:
    """The checkout session of an intent: here every intent has one."""
    return account.all_of("checkout.session", payment_intent=intent_id)[0]


def capture(account: Account, intent_id: str, given: dict[str, Any]) -> Document:
    """Capture all or a part; what is left is released."""
    intent = account.get("payment_intent", intent_id)
    if intent["status"] != "requires_capture":
        raise _unexpected_state("captured", intent, "requires_capture")
    captured: int = given.get("amount_to_capture") or intent["amount_capturable"]
    if captured > intent["amount_capturable"]:
        message = "The amount_to_capture is greater than the amount_capturable of the PaymentIntent."
        raise bad_state(message, "amount_too_large", "amount_to_capture")
    intent |= {"status": "succeeded", "amount_received": captured, "amount_capturable": 0}
    intent["metadata"] |= given.get("metadata", {})
    charge = account.get("charge", intent["latest_charge"])
    charge |= {"captured": True, "amount_captured": captured}
    charge["balance_transaction"] = add_charge_movement(account, charge, captured)
    told = {"payment_intent.succeeded": intent, "charge.captured": charge}
    if released(charge):
        told |= {"refund.created": release(account, charge), "charge.refunded": charge}
    session = session_of(account, intent_id)
    session["payment_status"] = "paid"
    for document in (intent, charge, session):
        account.save(document)
    account.frame.ledger.set_page_state(SLUG, session["id"], "paid")
    account.frame.ledger.set_charge(SLUG, charge["id"], state="succeeded", amount=captured)
    account.emit(told, session["client_reference_id"])
    return intent


def cancel(account: Account, intent_id: str, given: dict[str, Any]) -> Document:
    """Release an authorization. The intent of an open session is cancelled by expiring the session."""
    intent = account.get("payment_intent", intent_id)
    session = session_of(account, intent_id)
    if session["status"] == "open":
        raise bad_state(
            "You cannot cancel this PaymentIntent because it belongs to an open Checkout Session. Expire the session "
            "instead.",
            "payment_intent_unexpected_state",
        )
    if intent["status"] not in ("requires_capture", "requires_payment_method"):
        raise _unexpected_state("canceled", intent, "requires_capture, requires_payment_method")
    reason = given.get("cancellation_reason")
    authorized = intent["status"] == "requires_capture"
    intent |= {"status": "canceled", "canceled_at": account.now(), "cancellation_reason": reason}
    intent["amount_capturable"] = 0
    account.save(intent)
    account.frame.ledger.set_page_state(SLUG, session["id"], "cancelled")
    if authorized:
        account.frame.ledger.set_charge(SLUG, intent["latest_charge"], state="voided", amount=intent["amount"])
    account.emit({"payment_intent.canceled": intent}, session["client_reference_id"])
    return intent


def _unexpected_state(done: str, intent: Document, wanted: str) -> StripeError:
    return bad_state(
        f"This PaymentIntent could not be {done} because it has a status of {intent['status']}. Only a PaymentIntent "
        f"with one of the following statuses may be {done}: {wanted}.",
        "payment_intent_unexpected_state",
    )
