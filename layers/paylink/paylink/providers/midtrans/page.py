"""What Snap is told when a payment page is created. Pure: the same request gives the same fields."""

from datetime import datetime, timedelta, timezone
from typing import Any

from paylink.core.money import Money
from paylink.providers.midtrans.money import to_midtrans_amount
from paylink.providers.payments import PaymentRequest
from paylink.providers.port import PaymentMethod

WIB = timezone(timedelta(hours=7))
"""Western Indonesian time, in which Midtrans tells and takes all times."""

METHODS = {
    PaymentMethod.CARD: ("credit_card",),
    PaymentMethod.BANK_TRANSFER: ("bca_va", "bni_va", "bri_va", "permata_va", "echannel"),
    PaymentMethod.QRIS: ("qris",),
    PaymentMethod.EWALLET: ("gopay", "shopeepay"),
    PaymentMethod.RETAIL: ("indomaret", "alfamart"),
}
_NAME_MAX = 50
_CUSTOM_FIELD_MAX = 255
_MINUTE = timedelta(minutes=1)
_ONLY_HELD: dict[str, Any] = {
    # Only a card can be held; by another method the payer would have paid at once.
    "enabled_payments": ["credit_card"],
    "credit_card": {"secure": True, "type": "authorize"},
}


def order_id_of(attempt_id: object) -> str:
    """Return the order id of an attempt: unique for ever at Midtrans, also after the page has expired."""
    return f"paylink-{attempt_id}"


def page_fields(request: PaymentRequest) -> dict[str, Any]:
    """Return the body of `POST /transactions`: no more than was asked for."""
    amount = to_midtrans_amount(request.amount)
    fields: dict[str, Any] = {
        "transaction_details": {"order_id": order_id_of(request.attempt_id), "gross_amount": amount},
        "item_details": _items(request, amount),
        "enabled_payments": [code for method in request.payment_methods for code in METHODS.get(method, ())],
        "customer_details": _without_none(
            first_name=request.customer_name, email=request.customer_email, phone=request.customer_phone
        ),
        "callbacks": _without_none(finish=request.success_url, error=request.failure_url),
        "expiry": _expiry(request.created_at, request.expires_at),
        "custom_field1": request.order_reference[:_CUSTOM_FIELD_MAX],
        # Told again where a bank transfer carries an order id of its own.
        "custom_field2": str(request.attempt_id),
        **(_ONLY_HELD if request.manual_capture else {}),
    }
    return {name: value for name, value in fields.items() if value}


def _items(request: PaymentRequest, amount: int) -> list[dict[str, Any]]:
    """Midtrans wants prices to add up to the amount. One item for all of it where the order names none."""
    if not request.items:
        name = request.description or request.order_reference
        return [{"id": request.order_reference[:_NAME_MAX], "price": amount, "quantity": 1, "name": name[:_NAME_MAX]}]
    currency = request.amount.currency
    return [
        {
            "id": str(number),
            "price": to_midtrans_amount(Money(item.unit_amount, currency)),
            "quantity": item.quantity,
            "name": item.name[:_NAME_MAX],
        }
        for number, item in enumerate(request.items, start=1)
    ]


def _expiry(created_at: datetime, expires_at: datetime) -> dict[str, Any]:
    """Midtrans counts whole minutes from a start: enough of them to begin before the request, and to end exactly."""
    minutes = -((created_at - expires_at) // _MINUTE)
    start = (expires_at - minutes * _MINUTE).astimezone(WIB)
    return {"start_time": f"{start:%Y-%m-%d %H:%M:%S} +0700", "unit": "minute", "duration": minutes}


def _without_none(**fields: str | None) -> dict[str, str]:
    return {name: value for name, value in fields.items() if value is not None}
