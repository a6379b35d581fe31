"""Checkout sessions: create, read, expire."""

from typing import Any

from paylink_sandbox.documents import Document
from paylink_sandbox.ledger import Page
from paylink_sandbox.stripe import params as check
from paylink_sandbox.stripe.account import SLUG, Account
from paylink_sandbox.stripe.amounts import amount, check_total
from paylink_sandbox.stripe.errors import StripeError, bad_state, invalid, parameter_missing, resource_missing
from paylink_sandbox.stripe.objects import BANK_TRANSFER, CARD, new_line_item, new_session

_EXPIRY_MIN_S, _EXPIRY_MAX_S = 30 * 60, 24 * 3600
_CURRENCY = check.string(3)

_PRODUCT = check.record(
    {
        "name": check.string(),
        "description": check.string(),
        "metadata": check.metadata,
        "images": check.array(check.url, 8),
        "tax_code": check.string(),
        "unit_label": check.string(12),
    },
    required=("name",),
)
_PRICE = check.record(
    {"currency": _CURRENCY, "unit_amount": check.integer(0), "product_data": _PRODUCT}
    | {"tax_behavior": check.one_of("exclusive", "inclusive", "unspecified")},
    required=("currency",),
)
_LINE_ITEM = check.record(
    {"price": check.string(), "price_data": _PRICE, "quantity": check.integer(1), "metadata": check.metadata}
)
_INTENT_DATA = check.record(
    {
        "capture_method": check.one_of("automatic", "automatic_async", "manual"),
        "description": check.string(1000),
        "metadata": check.metadata,
        "receipt_email": check.string(512),
        "statement_descriptor": check.string(22),
        "statement_descriptor_suffix": check.string(22),
    }
)
CREATE: check.Fields = {
    "mode": check.one_of("payment", "setup", "subscription"),
    "line_items": check.array(_LINE_ITEM, 100),
    "success_url": check.url,
    "cancel_url": check.url,
    "client_reference_id": check.string(200),
    "customer_email": check.string(800),
    "expires_at": check.integer(),
    "locale": check.string(10),
    "metadata": check.metadata,
    "payment_intent_data": _INTENT_DATA,
    "payment_method_types": check.array(check.one_of(CARD, BANK_TRANSFER), 50),
    "allowed_payment_method_types": check.array(check.string(), 50),
    "excluded_payment_method_types": check.array(check.string(), 50),
    "submit_type": check.one_of("auto", "book", "donate", "pay"),
    "ui_mode": check.string(),
}


def create(account: Account, given: dict[str, Any], version: str) -> Document:
    """`version` is the date of the request's API version: it decides which parameters exist."""
    given = {**given, "ui_mode": _ui_mode(given, version)}
    if "payment_method_types" in given and version >= "2026-09-30":
        raise invalid("payment_method_types", "Received unknown parameter: payment_method_types", "parameter_unknown")
    for name in ("mode", "line_items", "success_url"):
        if name not in given:
            raise parameter_missing(name)
    if given["mode"] != "payment":
        raise invalid("mode", "The sandbox simulates `payment` mode only.")
    items = _line_items(account, given["line_items"])
    expires_at = _expires_at(account.now(), given.get("expires_at"))
    session = new_session(account, given, items, expires_at)
    check_total(amount(session["amount_total"], session["currency"]), "line_items")
    account.add(session)
    account.keep("checkout.extras", session["id"], {"items": items, "intent": given.get("payment_intent_data", {})})
    account.frame.ledger.open_page(
        Page(
            provider=SLUG,
            id=session["id"],
            reference=session["client_reference_id"],
            amount=amount(session["amount_total"], session["currency"]),
            state="open",
            url=session["url"],
            created_at=account.frame.now(),
            expires_at=expires_at,
        )
    )
    return session


def retrieve(account: Account, session_id: str) -> Document:
    session = account.get("checkout.session", session_id)
    if is_due(account, session):
        close(account, session)
    return session


def line_items(account: Account, session_id: str) -> list[Document]:
    account.get("checkout.session", session_id)
    items: list[Document] = _extras(account, session_id)["items"]
    return items


def intent_data(account: Account, session_id: str) -> dict[str, Any]:
    data: dict[str, Any] = _extras(account, session_id)["intent"]
    return data


def expire(account: Account, session_id: str) -> Document:
    """What `POST /expire` and the payer's clock do. Raises StripeError unless the session is open."""
    session = retrieve(account, session_id)
    if session["status"] != "open":
        raise bad_state(
            f'Only Checkout Sessions with a status in ["open"] can be expired. This Checkout Session has a status of '
            f"{session['status']}."
        )
    close(account, session)
    return session


def is_due(account: Account, session: Document) -> bool:
    return bool(session["status"] == "open" and session["expires_at"] <= account.frame.now())


def close(account: Account, session: Document) -> None:
    """Expire an open session; a payment intent left by a refused attempt ends with it."""
    session |= {"status": "expired", "url": None}
    account.save(session)
    account.frame.ledger.set_page_state(SLUG, session["id"], "expired")
    if session["payment_intent"]:
        intent = account.get("payment_intent", session["payment_intent"])
        intent |= {"status": "canceled", "canceled_at": account.now(), "cancellation_reason": "abandoned"}
        account.save(intent)
    account.emit({"checkout.session.expired": session}, session["client_reference_id"])


def _extras(account: Account, session_id: str) -> Document:
    extras = account.find("checkout.extras", session_id)
    assert extras is not None, "written together with the session"
    return extras


def _ui_mode(given: dict[str, Any], version: str) -> str:
    new, old = ("hosted_page", "embedded_page", "elements"), ("hosted", "embedded", "custom")
    names = new if version >= "2026-03-25" else old
    mode = given.get("ui_mode", names[0])
    if mode not in names:
        raise invalid("ui_mode", f"Invalid ui_mode: must be one of {', '.join(names)}")
    if mode != names[0]:
        raise invalid("ui_mode", f"The sandbox simulates `{names[0]}` only.")
    return str(mode)


def _line_items(account: Account, given: list[dict[str, Any]]) -> list[Document]:
    if not given:
        raise parameter_missing("line_items")
    items = []
    for index, item in enumerate(given):
        param = f"line_items[{index}]"
        if "price" in item:
            raise resource_missing("price", item["price"], f"{param}[price]")
        for name in ("price_data", "quantity"):
            if name not in item:
                raise parameter_missing(f"{param}[{name}]")
        price = item["price_data"]
        for name in ("product_data", "unit_amount"):
            if name not in price:
                raise parameter_missing(f"{param}[price_data][{name}]")
        currency = price["currency"].lower()
        if len(currency) != 3 or not currency.isascii() or not currency.isalpha():
            raise invalid(f"{param}[price_data][currency]", f"Invalid currency: {currency}")
        product = price["product_data"]
        items.append(
            new_line_item(
                account, product["name"], product.get("description"), price["unit_amount"], item["quantity"], currency
            )
        )
    if len({item["currency"] for item in items}) > 1:
        raise StripeError(400, "All prices in a Checkout Session must have the same currency.", param="line_items")
    return items


def _expires_at(now: int, given: int | None) -> int:
    if given is None:
        return now + _EXPIRY_MAX_S
    if given < now + _EXPIRY_MIN_S:
        message = "The `expires_at` timestamp must be at least 30 minutes from Checkout Session creation."
        raise invalid("expires_at", message)
    if given > now + _EXPIRY_MAX_S:
        message = "The `expires_at` timestamp must be less than 24 hours from Checkout Session creation."
        raise invalid("expires_at", message)
    return given
