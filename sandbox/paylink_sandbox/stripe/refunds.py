"""Refunds: made by API or operator; card refunds succeed at once, those of bank transfers wait for the payer."""

from typing import Any

from paylink_sandbox import ledger
from paylink_sandbox.documents import Document
from paylink_sandbox.stripe import params as check
from paylink_sandbox.stripe.account import SLUG, Account
from paylink_sandbox.stripe.amounts import amount
from paylink_sandbox.stripe.balance import add_refund_movement
from paylink_sandbox.stripe.charges import is_release, left, new_refund, released
from paylink_sandbox.stripe.errors import bad_state, parameter_missing
from paylink_sandbox.stripe.intents import session_of
from paylink_sandbox.stripe.objects import CARD

CREATE: check.Fields = {
    "charge": check.string(),
    "payment_intent": check.string(),
    "amount": check.integer(1),
    "reason": check.one_of("duplicate", "fraudulent", "requested_by_customer"),
    "metadata": check.metadata,
    "instructions_email": check.string(800),
}
_WAITING = ("pending", "requires_action")


def create(account: Account, given: dict[str, Any]) -> Document:
    charge = _charge(account, given)
    if charge["disputed"] and any(
        dispute["status"] != "won" for dispute in account.all_of("dispute", charge=charge["id"])
    ):
        raise bad_state(f"Charge {charge['id']} has been charged back; cannot issue a refund.", "charge_disputed")
    rest = left(charge)
    if rest <= 0:
        raise bad_state(f"Charge {charge['id']} has already been refunded.", "charge_already_refunded")
    units = given.get("amount", rest)
    if units > rest:
        asked, most = amount(units, charge["currency"]), amount(rest, charge["currency"])
        raise bad_state(
            f"Refund amount ({asked.display}) is greater than unrefunded amount on charge ({most.display})",
            param="amount",
        )
    by_card = charge["payment_method_details"]["type"] == CARD
    refund = new_refund(account, charge, units, given)
    refund["balance_transaction"] = add_refund_movement(account, refund, -units)
    account.add(refund)
    reference = session_of(account, charge["payment_intent"])["client_reference_id"]
    account.frame.ledger.add_refund(
        ledger.Refund(
            provider=SLUG,
            id=str(refund["id"]),
            charge_id=charge["id"],
            reference=reference,
            amount=amount(units, charge["currency"]),
            state="succeeded" if by_card else "pending",
            created_at=account.frame.now(),
        )
    )
    charge = _recount(account, charge["id"])
    account.emit({"refund.created": refund, "charge.refunded": charge}, reference)
    if by_card:
        details = {"card": {"reference": "5000000000000000", "reference_status": "available", "type": "refund"}}
        updated = {**refund, "destination_details": {**details, "type": "card"}}
        account.save(updated)
        account.emit({"refund.updated": updated}, reference, {"destination_details": refund["destination_details"]})
        return updated
    return refund


def cancel(account: Account, refund_id: str) -> Document:
    refund = account.get("refund", refund_id)
    if refund["status"] != "requires_action":
        raise bad_state(f"Refund {refund_id} cannot be canceled: its status is {refund['status']}.")
    return _end(account, refund, "canceled", None)


def fail(account: Account, refund: Document) -> Document:
    """The payer's bank sends the money back, which happens to refunds that have succeeded, too."""
    return _end(account, refund, "failed", "lost_or_stolen_card")


def complete(account: Account, refund: Document) -> Document:
    """The payer has named the account that the money should go to."""
    return _end(account, refund, "succeeded", None)


def latest(account: Account, charge_id: str, *statuses: str) -> Document | None:
    """The newest refund of a charge in one of these states; a release can neither fail nor arrive."""
    refunds = account.all_of("refund", charge=charge_id)
    return next((r for r in refunds if r["status"] in statuses and not is_release(r)), None)


def _charge(account: Account, given: dict[str, Any]) -> Document:
    if "charge" in given:
        charge = account.get("charge", given["charge"], "charge")
        paid = charge["captured"] and charge["status"] == "succeeded"
        if not paid:
            raise bad_state(f"Charge {charge['id']} has no captured payment to refund.", "charge_not_refundable")
        return charge
    if "payment_intent" not in given:
        raise parameter_missing("charge")
    intent = account.get("payment_intent", given["payment_intent"], "payment_intent")
    if intent["status"] != "succeeded":
        message = f"This PaymentIntent ({intent['id']}) does not have a successful charge to refund."
        raise bad_state(message, param="payment_intent")
    return account.get("charge", intent["latest_charge"])


def _end(account: Account, refund: Document, status: str, failure_reason: str | None) -> Document:
    previous = {"status": refund["status"]}
    refund["status"] = status
    reference = session_of(account, refund["payment_intent"])["client_reference_id"]
    events = {"refund.updated": refund}
    if status != "succeeded":
        refund["failure_balance_transaction"] = add_refund_movement(account, refund, refund["amount"])
    if failure_reason:
        refund["failure_reason"] = failure_reason
        events["refund.failed"] = refund
    account.save(refund)
    state = {"canceled": "cancelled"}.get(status, status)
    account.frame.ledger.set_refund_state(SLUG, refund["id"], state)
    _recount(account, refund["charge"])
    account.emit(events, reference, previous)
    return refund


def _recount(account: Account, charge_id: str) -> Document:
    """Set what is refunded of a charge to the sum of its refunds that were not undone; a release gives nothing back."""
    charge = account.get("charge", charge_id)
    refunds = account.all_of("refund", charge=charge_id)
    total = sum(refund["amount"] for refund in refunds if refund["status"] in ("succeeded", *_WAITING))
    charge |= {"amount_refunded": total, "refunded": total == charge["amount"]}
    account.save(charge)
    account.frame.ledger.set_refunded(SLUG, charge_id, total - released(charge))
    return charge
