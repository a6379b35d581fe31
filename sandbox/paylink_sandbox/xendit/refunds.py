"""Refunds: asked for by API or operator, answered PENDING; the outcome comes later, by webhook."""

from typing import Any

from paylink_sandbox import ledger
from paylink_sandbox.documents import Document
from paylink_sandbox.xendit import checks as check
from paylink_sandbox.xendit import invoices
from paylink_sandbox.xendit.account import SLUG, USER_ID, Account, new_uuid
from paylink_sandbox.xendit.amounts import to_amount, to_number
from paylink_sandbox.xendit.errors import XenditError, invalid
from paylink_sandbox.xendit.methods import offered
from paylink_sandbox.xendit.transactions import add_outgoing_row

CREATE: check.Fields = {
    "invoice_id": check.string(255),
    "payment_request_id": check.string(255),
    "reference_id": check.string(255),
    "amount": check.number,
    "currency": check.string(3),
    "reason": check.one_of("FRAUDULENT", "DUPLICATE", "REQUESTED_BY_CUSTOMER", "CANCELLATION", "OTHERS"),
    "metadata": check.metadata,
}
_COMPLETES_AFTER_S = 2 * 86_400
"""Provider seconds that a channel takes for a refund when nobody decides earlier (not documented)."""
_LEDGER_STATES = {"SUCCEEDED": "succeeded", "FAILED": "failed", "CANCELLED": "cancelled"}
_COUNTRIES = {"IDR": "ID", "PHP": "PH", "THB": "TH", "VND": "VN", "MYR": "MY", "USD": "ID"}


def create(account: Account, given: dict[str, Any]) -> Document:
    """
    given: the checked fields; without `amount` all that is left.

    Raises:
        XenditError: The payment is not there, not paid, not refundable, disputed, or less is left.
    """
    invoice = _paid_invoice(account, given)
    if given.get("currency", invoice["currency"]) != invoice["currency"]:
        raise invalid("currency", f"must be the payment's: {invoice['currency']}")
    _check_refundable(account, invoice)
    paid = to_amount(invoice["paid_amount"], invoice["currency"])
    pending = _sum(account, invoice, "PENDING")
    if pending == paid.units:
        raise XenditError(400, "REFUND_IN_PROGRESS", "A full refund of this payment is in progress.")
    left = paid.with_units(paid.units - pending - _sum(account, invoice, "SUCCEEDED"))
    amount = to_amount(given["amount"], invoice["currency"]) if "amount" in given else left
    if amount.units > left.units or left.units == 0:
        message = f"The refund of {amount.display} is more than what is left of the payment: {left.display}."
        raise XenditError(400, "MAXIMUM_REFUND_AMOUNT_REACHED", message)
    refund: Document = {
        "id": new_uuid("rfd-"),
        "payment_request_id": f"pr-{invoice['payment_id']}",
        "payment_id": invoice["payment_id"],
        "invoice_id": invoice["id"],
        "amount": to_number(amount),
        "currency": invoice["currency"],
        "country": _COUNTRIES[invoice["currency"]],
        "channel_code": invoice["payment_channel"],
        "status": "PENDING",
        "reason": given.get("reason", "OTHERS"),
        "reference_id": given.get("reference_id"),
        "failure_code": None,
        "refund_fee_amount": None,
        "metadata": given.get("metadata"),
        "created": account.stamp(),
        "updated": account.stamp(),
    }
    account.add("refund", refund["id"], refund)
    account.frame.ledger.add_refund(
        ledger.Refund(
            provider=SLUG,
            id=refund["id"],
            charge_id=invoice["payment_id"],
            reference=invoice["external_id"],
            amount=amount,
            state="pending",
            created_at=account.now(),
        )
    )
    return refund


def get(account: Account, refund_id: str) -> Document:
    """Raises XenditError."""
    refund = account.find("refund", refund_id)
    if refund is None:
        raise XenditError(404, "DATA_NOT_FOUND", "Could not find the refund.")
    return refund


def cancel(account: Account, refund_id: str) -> Document:
    """Raises XenditError unless it is pending."""
    refund = get(account, refund_id)
    if refund["status"] != "PENDING":
        raise XenditError(400, "INELIGIBLE_TRANSACTION", f"The refund cannot be cancelled: it is {refund['status']}.")
    return end(account, refund, "CANCELLED")


def end(account: Account, refund: Document, status: str, failure_code: str | None = None) -> Document:
    """SUCCEEDED is told as `refund.succeeded`, FAILED and CANCELLED as `refund.failed`."""
    refund |= {"status": status, "failure_code": failure_code, "updated": account.stamp()}
    account.save("refund", refund["id"], refund)
    invoice = invoices.get(account, refund["invoice_id"])
    account.frame.ledger.set_refund_state(SLUG, refund["id"], _LEDGER_STATES[status])
    if status == "SUCCEEDED":
        account.frame.ledger.set_refunded(SLUG, invoice["payment_id"], _sum(account, invoice, status))
        given_back = to_amount(refund["amount"], refund["currency"])
        add_outgoing_row(account, invoice, "REFUND", refund["id"], given_back)
    event = "refund.succeeded" if status == "SUCCEEDED" else "refund.failed"
    body = {
        "event": event,
        "business_id": USER_ID,
        "created": account.stamp(),
        "data": {**refund, "payment_method_type": invoice["payment_method"]},
    }
    account.emit(event, body, invoice["external_id"], ("data.amount",))
    return refund


def complete_due(account: Account) -> None:
    """Refunds that have waited long enough succeed."""
    for refund in account.all_of("refund", {"status": "PENDING"}):
        if account.provider_seconds_since(refund["created"]) >= _COMPLETES_AFTER_S:
            end(account, refund, "SUCCEEDED")


def latest_pending(account: Account, payment_id: str) -> Document | None:
    return next(iter(account.all_of("refund", {"payment_id": payment_id, "status": "PENDING"})), None)


def is_refundable(invoice: Document) -> bool:
    """Whether the channel can send money back."""
    return offered(invoice["currency"], [invoice["payment_channel"]])[0].group.refundable


def _paid_invoice(account: Account, given: dict[str, Any]) -> Document:
    if "invoice_id" in given:
        invoice = invoices.find(account, given["invoice_id"])
    elif "payment_request_id" in given:
        payment_id = str(given["payment_request_id"]).removeprefix("pr-")
        invoice = next(iter(account.all_of("invoice", {"payment_id": payment_id})), None)
    else:
        raise invalid("invoice_id", "is required, or payment_request_id")
    if invoice is None:
        raise XenditError(404, "DATA_NOT_FOUND", "Could not find the payment.")
    if invoice["status"] not in ("PAID", "SETTLED"):
        raise XenditError(
            400, "INELIGIBLE_TRANSACTION", f"The invoice is {invoice['status']}: nothing can be refunded."
        )
    return invoice


def _check_refundable(account: Account, invoice: Document) -> None:
    if not is_refundable(invoice):
        message = f"Payments by {invoice['payment_channel']} cannot be refunded."
        raise XenditError(400, "REFUND_NOT_SUPPORTED", message)
    disputes = account.all_of("dispute", {"payment_id": invoice["payment_id"]})
    if any(dispute["status"] != "WON" for dispute in disputes):
        raise XenditError(400, "INELIGIBLE_TRANSACTION", "The payment is disputed.")


def _sum(account: Account, invoice: Document, status: str) -> int:
    """Provider units of the payment's refunds in one state."""
    refunds = account.all_of("refund", {"payment_id": invoice["payment_id"], "status": status})
    return sum(to_amount(refund["amount"], refund["currency"]).units for refund in refunds)
