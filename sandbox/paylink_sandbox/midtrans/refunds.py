"""Refunds: what was settled goes back to the payer, and the bank confirms it later."""

import re
import secrets
from collections.abc import Mapping
from typing import Any

from paylink_sandbox.documents import Document
from paylink_sandbox.ledger import Refund
from paylink_sandbox.midtrans import balance, fields, transactions
from paylink_sandbox.midtrans.account import SLUG, Account, decimal, rupiah
from paylink_sandbox.midtrans.answers import describe, refunded
from paylink_sandbox.midtrans.errors import duplicate_refund, invalid, not_modifiable, refund_rejected
from paylink_sandbox.midtrans.methods import METHODS, Refunds
from paylink_sandbox.midtrans.notices import notify

_KEY = re.compile(r"[A-Za-z0-9\-_]+")
_KEY_KEPT_S = 7 * 86_400


def refund(
    account: Account, order: Document, transaction: Document, given: Mapping[str, Any], *, method: str
) -> dict[str, Any]:
    """
    Give back `amount`, by default all that is left. The same refund_key again gives the first answer for seven days.

    Raises:
        MidtransError: 400 a bad field; 412 not settled, or paid by a method that gives nothing back; 414 more than is
            left, or a part where only all is possible; 406 a refund_key that was used for something else or too long
            ago (the documentation names 406 but not when).
    """
    key, amount, reason = _read(given)
    if key and (earlier := account.find("refund", key)):
        return _repeat(account, earlier, transaction, amount)
    possible = METHODS[transaction["method"]].refunds
    if transaction["transaction_status"] not in ("settlement", "partial_refund") or possible is Refunds.NONE:
        raise not_modifiable()
    left = transaction["gross_amount"] - refunded(transaction)
    wanted = left if amount is None else amount
    if wanted > left or (possible is Refunds.FULL and wanted != transaction["gross_amount"]):
        raise refund_rejected()
    made: Document = {
        "id": secrets.randbelow(900_000_000) + 100_000_000,
        "key": key or f"refund-{secrets.token_hex(8)}",
        "amount": wanted,
        "reason": reason or "",
        "method": method,
        "created_at": account.now(),
        "confirmed_at": None,
    }
    transaction["refunds"].append(made)
    _record(account, order, transaction, made)
    transactions.move(account, order, transaction, "refund" if wanted == left else "partial_refund")
    answer = _answer(account, order, transaction, made)
    asked = {"transaction_id": transaction["transaction_id"], "asked_amount": amount}
    account.add("refund", made["key"], {**asked, "created_at": made["created_at"], "answer": answer})
    return answer


def unconfirmed(transaction: Document) -> Document | None:
    """The oldest refund that the bank has not confirmed."""
    return next((refund for refund in transaction["refunds"] if refund["confirmed_at"] is None), None)


def confirm(account: Account, order: Document, transaction: Document, refund: Document) -> None:
    """The payer's bank confirms: the merchant hears of the refund a second time."""
    refund["confirmed_at"] = account.now()
    account.save_transaction(transaction)
    notify(account, order, transaction)


def _read(given: Mapping[str, Any]) -> tuple[str | None, int | None, str | None]:
    key = fields.text(given, "refund_key", 255)
    if key and not _KEY.fullmatch(key):
        raise invalid("refund_key has characters other than A-Z a-z 0-9 - _")
    return key, fields.whole_number(given, "amount", 1), fields.text(given, "reason", 255)


def _repeat(account: Account, earlier: Document, transaction: Document, amount: int | None) -> dict[str, Any]:
    same = (earlier["transaction_id"], earlier["asked_amount"]) == (transaction["transaction_id"], amount)
    if not same or earlier["created_at"] < account.now() - _KEY_KEPT_S:
        raise duplicate_refund()
    answer: dict[str, Any] = earlier["answer"]
    return answer


def _record(account: Account, order: Document, transaction: Document, made: Document) -> None:
    ledger, charge_id = account.frame.ledger, transaction["transaction_id"]
    ledger.add_refund(
        Refund(
            provider=SLUG,
            id=made["key"],
            charge_id=charge_id,
            reference=order["order_id"],
            amount=rupiah(made["amount"]),
            state="succeeded",
            created_at=made["created_at"],
        )
    )
    ledger.set_refunded(SLUG, charge_id, refunded(transaction))
    balance.add_refund(account, transaction, made)


def _answer(account: Account, order: Document, transaction: Document, made: Document) -> dict[str, Any]:
    """The status, with the figures of this refund in the place of the list."""
    message = "Success, refund request is approved"
    told = describe(order, transaction, account.settings.server_keys[0], message)
    del told["refunds"]
    figures = {"refund_chargeback_id": made["id"], "refund_amount": decimal(made["amount"]), "refund_key": made["key"]}
    return {**told, **figures}
