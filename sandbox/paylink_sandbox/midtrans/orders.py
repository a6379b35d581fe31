"""Reads what `POST /transactions` asks for. Source: Midtrans documentation, Snap API."""

import re
from typing import Any

from paylink_sandbox.midtrans import fields
from paylink_sandbox.midtrans.errors import invalid
from paylink_sandbox.midtrans.methods import METHODS
from paylink_sandbox.midtrans.times import read_time

_ORDER_ID = re.compile(r"[A-Za-z0-9\-_~.]+")
_UNITS_S = {"minute": 60, "hour": 3_600, "day": 86_400}
_PAGE_LIFE_S = 86_400
_PAGE_LIFE_MAX_S = 7 * 86_400
_DURATION_MAX = 1_000_000
_PAY_WITHIN_MAX_S = 366 * 86_400
"""Not documented; no method waits as long."""
_CUSTOMER = {"first_name": 255, "last_name": 255, "email": 255, "phone": 255}


def read_order(given: dict[str, Any], now: float) -> dict[str, Any]:
    """
    Return the fields of an order. Fields that the sandbox does not know are let pass, as Midtrans does.

    Raises:
        MidtransError: 400, naming the first field that is wrong.
    """
    details = fields.section(given, "transaction_details")
    order_id = fields.required(fields.text(details, "transaction_details.order_id", 50), "transaction_details.order_id")
    if not _ORDER_ID.fullmatch(order_id):
        raise invalid("transaction_details.order_id has characters other than A-Z a-z 0-9 - _ ~ .")
    gross_amount = fields.required(
        fields.whole_number(details, "transaction_details.gross_amount", 1), "transaction_details.gross_amount"
    )
    callbacks = fields.section(given, "callbacks")
    pay_until, expires_at = _times(given, now)
    return {
        "order_id": order_id,
        "gross_amount": gross_amount,
        "items": _items(given.get("item_details"), gross_amount),
        "customer": _customer(fields.section(given, "customer_details")),
        "methods": _methods(given.get("enabled_payments")),
        "authorize_only": _is_authorize_only(fields.section(given, "credit_card")),
        "finish_url": fields.web_address(callbacks, "callbacks.finish"),
        "error_url": fields.web_address(callbacks, "callbacks.error"),
        "pay_until": pay_until,
        "expires_at": expires_at,
        "custom_fields": _custom_fields(given),
    }


def _items(given: Any, gross_amount: int) -> list[dict[str, Any]]:
    if given is None:
        return []
    if not isinstance(given, list) or not all(isinstance(item, dict) for item in given):
        raise invalid("item_details must be an array of objects")
    items = []
    for index, item in enumerate(given):
        path = f"item_details[{index}]"
        name = fields.required(fields.text(item, f"{path}.name", 50), f"{path}.name")
        # A negative price is a discount.
        price = fields.whole_number(item, f"{path}.price", -fields.AMOUNT_MAX)
        quantity = fields.whole_number(item, f"{path}.quantity", 1)
        items.append(
            {
                "name": name,
                "price": fields.required(price, f"{path}.price"),
                "quantity": fields.required(quantity, f"{path}.quantity"),
            }
        )
    if items and sum(item["price"] * item["quantity"] for item in items) != gross_amount:
        raise invalid("transaction_details.gross_amount must be equal to the sum of item_details price * quantity")
    return items


def _customer(given: dict[str, Any]) -> dict[str, str | None]:
    customer = {name: fields.text(given, f"customer_details.{name}", most) for name, most in _CUSTOMER.items()}
    email = customer["email"]
    if email and not re.fullmatch(r"[^@\s]+@[^@\s]+", email):
        raise invalid("customer_details.email is not a valid email address")
    return customer


def _methods(given: Any) -> list[str]:
    """Methods that the sandbox does not have are left out, in the order of the page."""
    if given is None:
        return list(METHODS)
    if not isinstance(given, list) or not all(isinstance(code, str) for code in given):
        raise invalid("enabled_payments must be an array of strings")
    methods = [code for code in METHODS if code in given]
    if not methods:
        raise invalid("enabled_payments names no payment method that the sandbox has")
    return methods


def _is_authorize_only(given: dict[str, Any]) -> bool:
    kind = fields.text(given, "credit_card.type", 255)
    if kind not in (None, "authorize", "authorize_capture"):
        raise invalid("credit_card.type must be authorize or authorize_capture")
    return kind == "authorize"


def _times(given: dict[str, Any], now: float) -> tuple[float | None, float]:
    """
    When the payment must have arrived, if the merchant said so, and when the page closes.

    The page's life is page_expiry, then expiry, then a day. It never outlives expiry here, for a method chosen after
    that could not be paid.
    """
    expiry, page_expiry = fields.section(given, "expiry"), fields.section(given, "page_expiry")
    pay_until = None
    if expiry:
        pay_until = _start(expiry, now) + _duration(expiry, "expiry")
        if pay_until <= now:
            raise invalid("expiry lies in the past")
        if pay_until > now + _PAY_WITHIN_MAX_S:
            raise invalid("expiry lies too far ahead")
    if page_expiry:
        life_s = _duration(page_expiry, "page_expiry")
        if life_s > _PAGE_LIFE_MAX_S:
            raise invalid("page_expiry must be at most 7 days")
        closes_at = now + life_s
        return pay_until, closes_at if pay_until is None else min(closes_at, pay_until)
    return pay_until, pay_until or now + _PAGE_LIFE_S


def _start(expiry: dict[str, Any], now: float) -> float:
    text = fields.text(expiry, "expiry.start_time", 40)
    if text is None:
        return now
    try:
        return read_time(text)
    except (ValueError, OverflowError):
        raise invalid("expiry.start_time must be written like 2026-01-01 07:00:00 +0700") from None


def _duration(given: dict[str, Any], path: str) -> int:
    unit = fields.required(fields.text(given, f"{path}.unit", 40), f"{path}.unit")
    duration = fields.required(fields.whole_number(given, f"{path}.duration", 1, _DURATION_MAX), f"{path}.duration")
    seconds = _UNITS_S.get(unit.lower().removesuffix("s"))
    if seconds is None:
        raise invalid(f"{path}.unit must be minute, hour or day")
    return int(duration) * seconds


def _custom_fields(given: dict[str, Any]) -> dict[str, str]:
    named = {name: fields.text(given, name, 255) for name in ("custom_field1", "custom_field2", "custom_field3")}
    return {name: value for name, value in named.items() if value is not None}
