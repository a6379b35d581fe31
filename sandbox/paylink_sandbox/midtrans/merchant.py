"""What the merchant does to a transaction through the Core API. Source: Midtrans documentation, API methods."""

from collections.abc import Mapping
from typing import Any

from paylink_sandbox.documents import Document
from paylink_sandbox.midtrans import fields, refunds, transactions
from paylink_sandbox.midtrans.account import Account
from paylink_sandbox.midtrans.answers import FOUND, describe, is_under_review
from paylink_sandbox.midtrans.errors import MidtransError, invalid, not_found, not_modifiable

Answer = dict[str, Any]


def find(account: Account, name: str) -> tuple[Document, Document]:
    """
    The order and the transaction of an order_id (then its newest) or a transaction_id.

    Raises:
        MidtransError: 404: unknown, or no method has been chosen yet.
    """
    order = account.order_named(name)
    transaction = account.current(order) if order else account.transaction(name)
    if transaction is None:
        raise not_found()
    order = account.order_of(transaction)
    transactions.expire_if_due(account, order)
    # Read again: an expiry has changed it.
    return order, account.transaction(transaction["transaction_id"]) or transaction


def status(account: Account, name: str) -> Answer:
    order, transaction = find(account, name)
    return _answer(account, order, transaction, FOUND)


def cancel(account: Account, name: str) -> Answer:
    """Also gives back what a card has taken and the bank has not settled. The call answers 200, its notice 202."""
    order, transaction = _in_state(account, name, "pending", "authorize", "capture")
    transactions.move(account, order, transaction, "cancel")
    return _answer(account, order, transaction, "Success, transaction is canceled", code="200")


def expire(account: Account, name: str) -> Answer:
    order, transaction = _in_state(account, name, "pending")
    transactions.move(account, order, transaction, "expire")
    return _answer(account, order, transaction, "Success, transaction has expired")


def approve(account: Account, name: str) -> Answer:
    order, transaction = _challenged(account, name)
    transaction["fraud_status"] = "accept"
    transactions.move(account, order, transaction, transaction["transaction_status"])
    return _answer(account, order, transaction, "Success, transaction is approved")


def deny(account: Account, name: str) -> Answer:
    order, transaction = _challenged(account, name)
    transaction["fraud_status"] = "deny"
    transactions.move(account, order, transaction, "deny", page_state="failed")
    return _answer(account, order, transaction, "Success, transaction is denied", code="200")


def capture(account: Account, given: Mapping[str, Any]) -> Answer:
    """
    Collect an authorization, or a part of it. What the answers then call gross_amount is not documented: here it is
    what was collected.
    """
    name = fields.required(fields.text(given, "transaction_id", 50), "transaction_id")
    amount = fields.required(fields.whole_number(given, "gross_amount", 1), "gross_amount")
    order, transaction = _in_state(account, name, "authorize")
    if is_under_review(transaction):
        raise not_modifiable()
    if amount > transaction["gross_amount"]:
        raise invalid("gross_amount is more than was authorized")
    transaction["gross_amount"] = amount
    transactions.move(account, order, transaction, "capture")
    return _answer(account, order, transaction, "Success, Credit Card capture transaction is successful")


def refund(account: Account, name: str, given: Mapping[str, Any]) -> Answer:
    order, transaction = find(account, name)
    return refunds.refund(account, order, transaction, given, method="OFFLINE")


def refund_direct(account: Account, name: str, given: Mapping[str, Any]) -> Answer:
    """
    A refund that the payer's bank or wallet decides at once. Where an amount is refused by status_code 414 elsewhere,
    this call answers 202 and the transaction as it was.
    """
    order, transaction = find(account, name)
    try:
        return refunds.refund(account, order, transaction, given, method="ONLINE")
    except MidtransError as refusal:
        if refusal.status != 414:
            raise
        unchanged = _answer(account, order, transaction, str(refusal), code="202")
        return {**unchanged, "refund_amount": "0.00"}


def _answer(
    account: Account, order: Document, transaction: Document, message: str, *, code: str | None = None
) -> Answer:
    return describe(order, transaction, account.settings.server_keys[0], message, code=code)


def _in_state(account: Account, name: str, *statuses: str) -> tuple[Document, Document]:
    order, transaction = find(account, name)
    if transaction["transaction_status"] not in statuses:
        raise not_modifiable()
    return order, transaction


def _challenged(account: Account, name: str) -> tuple[Document, Document]:
    order, transaction = find(account, name)
    if not is_under_review(transaction):
        raise not_modifiable()
    return order, transaction
