"""Snap: payment pages made and closed by the merchant."""

import uuid
from typing import Any

from werkzeug.datastructures import Headers

from paylink_sandbox.documents import Document
from paylink_sandbox.ledger import Page
from paylink_sandbox.midtrans import transactions
from paylink_sandbox.midtrans.account import SLUG, Account, rupiah
from paylink_sandbox.midtrans.errors import MidtransError, invalid
from paylink_sandbox.midtrans.fields import is_web_address
from paylink_sandbox.midtrans.orders import read_order
from paylink_sandbox.midtrans.times import write_iso_time

_ADDRESSES_MAX = 3
"""The documentation says two in one place and three in another."""


def create(account: Account, given: dict[str, Any], headers: Headers) -> Document:
    """
    Make an order and its page.

    Raises:
        MidtransError: 400: a bad field, or an order_id that was ever used before, even by a page that has expired.
    """
    wanted = read_order(given, account.now())
    addresses = _notification_urls(account, headers)
    if account.order_named(wanted["order_id"]) is not None:
        raise invalid("transaction_details.order_id has already been taken")
    token = str(uuid.uuid4())
    order = {
        "token": token,
        **wanted,
        "created_at": account.now(),
        "state": "open",
        "transaction_id": None,
        "notification_urls": addresses,
        "redirect_url": f"{account.frame.config.url}/{SLUG}/pay/{token}",
    }
    account.add("order", token, order)
    account.frame.ledger.open_page(
        Page(
            provider=SLUG,
            id=token,
            reference=order["order_id"],
            amount=rupiah(order["gross_amount"]),
            state="open",
            url=order["redirect_url"],
            created_at=order["created_at"],
            expires_at=order["expires_at"],
        )
    )
    return order


def cancel(account: Account, token: str) -> dict[str, Any]:
    """
    Close a page on which nothing is under way. No notification is sent: no transaction changes.

    A refused try leaves nothing under way. The HTTP statuses of the refusals are not documented.

    Raises:
        MidtransError: 404 unknown token; 400 already closed, or the payer has chosen a method or paid.
    """
    order = account.order(token)
    if order is None:
        raise MidtransError(404, "token not found")
    transactions.expire_if_due(account, order)
    if order["state"] in ("cancelled", "expired") and order["transaction_id"] is None:
        raise invalid("token already canceled")
    current = account.current(order)
    if order["state"] != "open" or (current and current["transaction_status"] != "deny"):
        raise invalid("Transaction is on progress")
    order["state"] = "cancelled"
    account.save_order(order)
    return {"canceled_at": write_iso_time(account.now())}


def _notification_urls(account: Account, headers: Headers) -> list[str]:
    """The dashboard's address is where PayLink listens; the headers add to it or, stronger, replace it."""
    override, append = (_addresses(headers, f"X-{what}-Notification") for what in ("Override", "Append"))
    return override or list(dict.fromkeys([account.frame.config.webhook_url(SLUG), *append]))


def _addresses(headers: Headers, name: str) -> list[str]:
    found = [address.strip() for address in headers.get(name, "").split(",") if address.strip()]
    if len(found) > _ADDRESSES_MAX or not all(is_web_address(address) for address in found):
        raise invalid(f"{name} takes up to {_ADDRESSES_MAX} http or https addresses")
    return found
