"""The body of `POST /v2/invoices`. Source: xendit-python 7.0.0, CreateInvoiceRequest."""

from typing import Any

from paylink_sandbox.xendit import checks as check
from paylink_sandbox.xendit.amounts import EXPONENTS
from paylink_sandbox.xendit.errors import XenditError

REQUIRED = ("external_id", "amount")

_DURATION_MAX_S = 365 * 86_400
_CHANNELS = check.array(check.one_of("whatsapp", "email", "viber"), 10)
_TEXT = check.string()

_ADDRESS: check.Fields = dict.fromkeys(
    ("country", "street_line1", "street_line2", "city", "province", "state", "postal_code"), _TEXT
)
_CUSTOMER: check.Fields = {
    **dict.fromkeys(("id", "customer_id", "given_names", "surname"), _TEXT),
    "email": check.email,
    "phone_number": _TEXT,
    "mobile_number": check.phone,
    "addresses": check.array(check.record(_ADDRESS), 10),
}
_ITEM: check.Fields = {
    "name": _TEXT,
    "price": check.number,
    "quantity": check.whole(1, 1_000_000),
    "reference_id": _TEXT,
    "url": check.url,
    "category": _TEXT,
}


def _reminder(value: Any, path: str) -> Any:
    try:
        return check.whole(1, 720)(value, path)
    except XenditError as exc:
        raise XenditError(400, "INVALID_REMINDER_TIME", exc.message, path) from exc


CREATE: check.Fields = {
    "external_id": check.string(255),
    "amount": check.number,
    "currency": check.one_of(*EXPONENTS),
    "invoice_duration": check.whole(1, _DURATION_MAX_S),
    "description": _TEXT,
    "payer_email": check.email,
    "customer": check.record(_CUSTOMER),
    "customer_notification_preference": check.record(
        dict.fromkeys(("invoice_created", "invoice_reminder", "invoice_paid"), _CHANNELS)
    ),
    "success_redirect_url": check.url,
    "failure_redirect_url": check.url,
    "payment_methods": check.array(check.string(50), 100),
    "items": check.array(check.record(_ITEM, ("name", "price", "quantity")), 100),
    "fees": check.array(check.record({"type": _TEXT, "value": check.number}, ("type", "value")), 10),
    "metadata": check.metadata,
    "should_send_email": check.boolean,
    "locale": check.one_of("en", "id", "vi"),
    "reminder_time": _reminder,
    "reminder_time_unit": check.one_of("hours", "days"),
    "mid_label": _TEXT,
    "should_authenticate_credit_card": check.boolean,
    "channel_properties": check.any_object,
}
