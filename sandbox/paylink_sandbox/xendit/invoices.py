"""Invoices: made by API, read, expired by API or by time."""

from collections.abc import Sequence
from typing import Any

from paylink_sandbox.config import MERCHANT
from paylink_sandbox.documents import Document
from paylink_sandbox.ledger import Page
from paylink_sandbox.money import Amount
from paylink_sandbox.xendit.account import SLUG, USER_ID, Account, epoch, new_object_id, timestamp
from paylink_sandbox.xendit.amounts import check_limits, to_amount, to_number
from paylink_sandbox.xendit.errors import XenditError
from paylink_sandbox.xendit.methods import Method, available_lists, offered

_DURATION_DEFAULT_S = 86_400
_SETTLED_AFTER_S = 86_400
"""Provider seconds from payment to settlement; real ones depend on the channel."""

_ECHOED = (
    "description", "payer_email", "customer", "customer_notification_preference", "success_redirect_url",
    "failure_redirect_url", "items", "fees", "metadata", "locale", "should_authenticate_credit_card",
)  # fmt: skip
_CALLBACK_FIELDS = (
    "id", "external_id", "user_id", "is_high", "payment_method", "status", "merchant_name", "amount", "paid_amount",
    "bank_code", "ewallet_type", "paid_at", "payer_email", "description", "currency", "payment_channel",
    "payment_destination", "payment_id", "payment_details", "credit_card_charge_id", "success_redirect_url",
    "failure_redirect_url", "items", "fees", "created", "updated",
)  # fmt: skip


def create(account: Account, given: dict[str, Any]) -> Document:
    """
    given: the checked fields. external_id need not be new: each call makes an invoice.

    Raises:
        XenditError: An amount or payment method that cannot be.
    """
    currency = given.get("currency", "IDR")
    total = to_amount(given["amount"], currency)
    check_limits(total)
    methods = offered(currency, given.get("payment_methods"))
    now = account.now()
    invoice_id = new_object_id(now)
    url = f"{account.frame.config.url}/{SLUG}/pay/{invoice_id}"
    expires_at = now + given.get("invoice_duration", _DURATION_DEFAULT_S)
    invoice: Document = {
        "id": invoice_id,
        "external_id": given["external_id"],
        "user_id": USER_ID,
        "is_high": False,
        "status": "PENDING",
        "merchant_name": MERCHANT,
        "merchant_profile_picture_url": "",
        "amount": to_number(total),
        "currency": currency,
        "expiry_date": timestamp(expires_at),
        "invoice_url": url,
        **available_lists(methods, invoice_id, total, MERCHANT),
        "should_send_email": given.get("should_send_email", False),
        **{name: given[name] for name in _ECHOED if name in given},
        "created": timestamp(now),
        "updated": timestamp(now),
    }
    account.add("invoice", invoice_id, invoice)
    account.add("page", invoice_id, {"methods": [method.code for method in methods], "notice": None})
    reference = str(given["external_id"])
    account.frame.ledger.open_page(Page(SLUG, invoice_id, reference, total, "open", url, now, expires_at))
    return invoice


def find(account: Account, invoice_id: str) -> Document | None:
    """The invoice as it stands now: expired if its time has run out, settled some time after it was paid."""
    invoice = account.find("invoice", invoice_id)
    return invoice and refreshed(account, invoice)


def get(account: Account, invoice_id: str) -> Document:
    """Raises XenditError."""
    invoice = find(account, invoice_id)
    if invoice is None:
        raise XenditError(404, "INVOICE_NOT_FOUND_ERROR", "Could not find the invoice.")
    return invoice


def refreshed(account: Account, invoice: Document) -> Document:
    if invoice["status"] == "PENDING" and epoch(invoice["expiry_date"]) <= account.now():
        close(account, invoice)
    elif invoice["status"] == "PAID" and account.provider_seconds_since(invoice["paid_at"]) >= _SETTLED_AFTER_S:
        settle(account, invoice)
    return invoice


def expire(account: Account, invoice_id: str) -> Document:
    """
    What `/expire!` does. An invoice that has expired is answered as it is.

    Raises:
        XenditError: It is not there, or paid (the code for that is not documented).
    """
    invoice = get(account, invoice_id)
    if invoice["status"] == "PENDING":
        close(account, invoice)
    elif invoice["status"] != "EXPIRED":
        raise XenditError(400, "API_VALIDATION_ERROR", f"The invoice cannot be expired: it is {invoice['status']}.")
    return invoice


def close(account: Account, invoice: Document) -> None:
    save(account, invoice, {"status": "EXPIRED"})
    account.frame.ledger.set_page_state(SLUG, invoice["id"], "expired")
    emit(account, "invoice.expired", invoice)


def settle(account: Account, invoice: Document) -> None:
    """Silent: Xendit sends no event when the money reaches the balance."""
    save(account, invoice, {"status": "SETTLED"})


def save(account: Account, invoice: Document, changes: Document) -> None:
    invoice |= {**changes, "updated": account.stamp()}
    account.save("invoice", invoice["id"], invoice)


def emit(account: Account, type: str, invoice: Document) -> None:
    body = {name: invoice[name] for name in _CALLBACK_FIELDS if name in invoice}
    amounts = ("amount", "paid_amount") if "paid_amount" in invoice else ("amount",)
    account.emit(type, body, invoice["external_id"], amounts)


def methods_of(account: Account, invoice: Document) -> Sequence[Method]:
    return offered(invoice["currency"], page_of(account, invoice["id"])["methods"])


def page_of(account: Account, invoice_id: str) -> Document:
    page = account.find("page", invoice_id)
    assert page is not None, "written together with the invoice"
    return page


def total_of(invoice: Document) -> Amount:
    return to_amount(invoice["amount"], invoice["currency"])
