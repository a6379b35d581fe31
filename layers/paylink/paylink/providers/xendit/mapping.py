"""Xendit's objects put into our terms. Pure: no I/O, no clock."""

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from paylink.core.money import Money
from paylink.core.states import Dispute, Evidence, Source, State
from paylink.providers.answers import word
from paylink.providers.payments import ATTEMPT, REFUND, Payment, PaymentRequest, Reference
from paylink.providers.port import PaymentMethod, UnreadableEvent
from paylink.providers.xendit.money import CURRENCIES, from_xendit_amount, to_xendit_amount
from paylink.providers.xendit.refunds import given_back, own_refunds

INVOICE = "invoice"
PAYMENT = "payment"
ATTEMPT_METADATA = "paylink_attempt"

STATES = {"PENDING": State.PENDING, "PAID": State.PAID, "SETTLED": State.PAID, "EXPIRED": State.EXPIRED}
"""Xendit has no status for refunds, disputes and refused tries: other objects tell the first two, nothing the last."""

_CARD = {PaymentMethod.CARD: ("CREDIT_CARD",)}
_METHODS_OF_RUPIAH = _CARD | {
    PaymentMethod.BANK_TRANSFER: ("BCA", "BNI", "BRI", "MANDIRI", "PERMATA"),
    PaymentMethod.QRIS: ("QRIS",),
    PaymentMethod.EWALLET: ("OVO", "DANA", "SHOPEEPAY", "LINKAJA"),
    PaymentMethod.RETAIL: ("ALFAMART", "INDOMARET"),
}
METHODS = {currency: _METHODS_OF_RUPIAH if currency == "IDR" else _CARD for currency in CURRENCIES}
"""Which of Xendit's codes a word of ours stands for. Those of other currencies than rupiah are not in our sources."""

_DISPUTES = {
    "ACTION_REQUIRED": Dispute.OPEN,
    "DUE_DATE_APPROACHING": Dispute.OPEN,
    "UNDER_REVIEW": Dispute.OPEN,
    "LOST": Dispute.LOST,
    "WON": None,
}
_EXTERNAL_ID = re.compile(r"paylink-([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\Z", re.ASCII)
_INVOICE_ID = re.compile(r"[A-Za-z0-9_-]{1,64}\Z", re.ASCII)


def external_id_of(attempt: object) -> str:
    return f"paylink-{attempt}"


def attempt_in(external_id: object) -> str | None:
    """Return the attempt that an external id of ours names; None when it is another system's."""
    match = _EXTERNAL_ID.match(external_id) if isinstance(external_id, str) else None
    return match[1] if match else None


def invoice_id(value: object) -> str:
    """
    Return an invoice's id, which goes into the path of addresses.

    Raises:
        ValueError: It has another form.
    """
    if not isinstance(value, str) or not _INVOICE_ID.match(value):
        raise ValueError("not an invoice's id")
    return value


def references(
    *, refund: object = None, attempt: str | None = None, invoice: object = None, payment: object = None
) -> tuple[Reference, ...]:
    """
    Return what is there as references, the surest first.

    Raises:
        ValueError: One is no identifier.
    """
    found = [] if refund is None else [Reference(REFUND, str(refund))]
    found += [] if attempt is None else [Reference(ATTEMPT, attempt)]
    found += [] if invoice is None else [Reference(INVOICE, invoice_id(invoice))]
    found += [] if payment is None else [Reference(PAYMENT, word(payment))]
    return tuple(found)


def invoice_fields(request: PaymentRequest) -> dict[str, object]:
    """
    Return the invoice's creation.

    No email or message is asked for: a page that nobody was told of through us must not be paid.

    Raises:
        UnrepresentableAmount: The amount cannot be sent.
    """
    currency = request.amount.currency
    customer = {
        "given_names": request.customer_name,
        "email": request.customer_email,
        "mobile_number": request.customer_phone,
    }
    items = [
        {"name": i.name, "quantity": i.quantity, "price": to_xendit_amount(Money(i.unit_amount, currency))}
        for i in request.items
    ]
    methods = METHODS[currency]
    fields: dict[str, object] = {
        "external_id": external_id_of(request.attempt_id),
        "amount": to_xendit_amount(request.amount),
        "currency": currency,
        "invoice_duration": int((request.expires_at - request.created_at).total_seconds()),
        "description": request.description or request.order_reference,
        "payer_email": request.customer_email,
        "customer": {name: value for name, value in customer.items() if value is not None} or None,
        "items": items or None,
        "payment_methods": [code for m in request.payment_methods for code in methods.get(m, ())] or None,
        "should_send_email": False,
        "success_redirect_url": request.success_url,
        "failure_redirect_url": request.failure_url,
        "metadata": {
            **request.metadata,
            ATTEMPT_METADATA: str(request.attempt_id),
            "paylink_transaction": str(request.transaction_id),
            "paylink_order_reference": request.order_reference,
        },
    }
    return {name: value for name, value in fields.items() if value is not None}


def payment_of_invoice(
    invoice: dict[str, Any], refunds: Sequence[dict[str, Any]], disputes: Sequence[dict[str, Any]] | None
) -> Payment:
    """
    Map an invoice, with the refunds and disputes that were listed for it; disputes None when Xendit does not tell.

    Raises:
        UnreadableEvent: A field that must be there is not, or a status is none that Xendit documents.
    """
    try:
        state = STATES[invoice["status"]]
        return Payment(
            references=references(
                attempt=attempt_in(invoice["external_id"]), invoice=invoice["id"], payment=invoice.get("payment_id")
            ),
            evidence=_paid(invoice, refunds, disputes) if state is State.PAID else Evidence(state, Source.PULL),
            amount=from_xendit_amount(invoice["amount"], invoice["currency"]),
            provider_status=word(invoice["status"]),
            checkout_url=word(invoice["invoice_url"]) if state is State.PENDING else None,
            expires_at=_expiry_of(invoice),
            refunds=own_refunds(invoice, refunds) if state is State.PAID else None,
        )
    except (LookupError, TypeError, AttributeError, ValueError) as exc:
        raise UnreadableEvent(f"invoice: {type(exc).__name__}") from exc


def _expiry_of(invoice: dict[str, Any]) -> datetime | None:
    """Nothing of money depends on it, so a form that cannot be read hides none."""
    try:
        return time_of(invoice["expiry_date"])
    except (LookupError, TypeError, ValueError):
        return None


def standing_of(invoices: Sequence[dict[str, Any]], amount: Money) -> dict[str, Any] | None:
    """
    Return which of an attempt's invoices is its payment: the oldest that is paid, else the oldest that can be paid and
    asks for `amount`.

    Raises:
        LookupError, InvalidMoney: One cannot be read.
    """
    paid = [i for i in invoices if STATES[i["status"]] is State.PAID]
    payable = [i for i in invoices if STATES[i["status"]] is State.PENDING]
    right = [i for i in payable if from_xendit_amount(i["amount"], i["currency"]) == amount]
    return next(iter(paid + right), None)


def captured_of(invoice: dict[str, Any]) -> int:
    """
    Return what was received for a paid invoice or its event: it may differ from what was asked for.

    Raises:
        InvalidMoney: It is not a number that the currency can have.
    """
    received = invoice.get("paid_amount")
    return from_xendit_amount(invoice["amount"] if received is None else received, invoice["currency"]).amount


def _paid(
    invoice: dict[str, Any], refunds: Sequence[dict[str, Any]], disputes: Sequence[dict[str, Any]] | None
) -> Evidence:
    ours = [d for d in disputes or () if d.get("payment_id") == invoice["payment_id"]]
    # A status that is new to us holds the money until somebody looks.
    found = {_DISPUTES.get(d["status"], Dispute.OPEN) for d in ours}
    dispute = next((d for d in (Dispute.LOST, Dispute.OPEN) if d in found), None)
    # A row of another payment shows that the list is not the one asked for: then it does not tell that there is none.
    complete = disputes is not None and len(ours) == len(disputes)
    return Evidence(
        State.PAID,
        Source.PULL,
        captured=captured_of(invoice),
        refunded=sum(given_back(invoice, refund) for refund in {word(r["id"]): r for r in refunds}.values()),
        dispute=dispute,
        no_dispute=complete and dispute is None,
    )


def time_of(value: str) -> datetime:
    """
    Raises:
        ValueError: It is no time of ISO 8601 with its zone.
    """
    moment = datetime.fromisoformat(value)
    if moment.tzinfo is None:
        raise ValueError("a time without its zone")
    return moment
