"""What Midtrans says about a transaction, in a status answer and in a notification alike."""

from typing import Any

from paylink_sandbox.documents import Document
from paylink_sandbox.midtrans.account import CURRENCY, MERCHANT_ID, decimal
from paylink_sandbox.midtrans.methods import METHODS
from paylink_sandbox.midtrans.signature import signature_key
from paylink_sandbox.midtrans.times import write_time

FOUND = "Success, transaction is found"
NOTIFIED = "midtrans payment notification"

# Of `cancel` and `deny` only the notifications are documented; their status answers are taken to say the same.
_CODES = {"pending": "201", "deny": "202", "cancel": "202", "expire": "407"}


def is_under_review(transaction: Document) -> bool:
    """Whether the merchant must approve or deny it; one that was cancelled instead keeps its fraud_status."""
    return transaction["fraud_status"] == "challenge" and transaction["transaction_status"] in ("authorize", "capture")


def status_code(transaction: Document) -> str:
    if is_under_review(transaction):
        return "201"
    return _CODES.get(transaction["transaction_status"], "200")


def describe(
    order: Document, transaction: Document, server_key: str, message: str, *, code: str | None = None
) -> dict[str, Any]:
    """Every scalar is a string. code: where a call answers another status_code than a status request would."""
    code = code or status_code(transaction)
    gross_amount = decimal(transaction["gross_amount"])
    answer = {
        "transaction_time": write_time(transaction["created_at"]),
        "transaction_status": transaction["transaction_status"],
        "transaction_id": transaction["transaction_id"],
        "status_message": message,
        "status_code": code,
        "signature_key": signature_key(order["order_id"], code, gross_amount, server_key),
        "payment_type": METHODS[transaction["method"]].payment_type,
        "order_id": order["order_id"],
        "merchant_id": MERCHANT_ID,
        "gross_amount": gross_amount,
        "currency": CURRENCY,
        "expiry_time": write_time(transaction["expires_at"]),
    }
    if transaction["fraud_status"]:
        answer["fraud_status"] = transaction["fraud_status"]
    if transaction["settled_at"]:
        answer["settlement_time"] = write_time(transaction["settled_at"])
    if refunds := transaction["refunds"]:
        answer["refund_amount"] = decimal(refunded(transaction))
        answer["refunds"] = [_refund(refund) for refund in refunds]
    return {**answer, **transaction["details"], **order["custom_fields"]}


def refunded(transaction: Document) -> int:
    return sum(refund["amount"] for refund in transaction["refunds"])


def _refund(refund: Document) -> dict[str, Any]:
    told = {
        "refund_chargeback_id": refund["id"],
        "refund_amount": decimal(refund["amount"]),
        "created_at": write_time(refund["created_at"]),
        "reason": refund["reason"],
        "refund_key": refund["key"],
        "refund_method": refund["method"],
    }
    if refund["confirmed_at"]:
        told["bank_confirmed_at"] = write_time(refund["confirmed_at"])
    return told
