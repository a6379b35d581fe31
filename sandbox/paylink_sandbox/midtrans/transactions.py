"""The life of a transaction: born when the payer chooses, moved on by payer, merchant, bank and clock."""

import uuid
from typing import Any

from paylink_sandbox.documents import Document
from paylink_sandbox.ledger import Charge
from paylink_sandbox.midtrans import balance
from paylink_sandbox.midtrans.account import SLUG, Account, rupiah
from paylink_sandbox.midtrans.answers import is_under_review
from paylink_sandbox.midtrans.methods import METHODS
from paylink_sandbox.midtrans.notices import notify

_PAY_WITHIN_S = 86_400
"""Where the merchant set no expiry. Each method has a default of its own, which the sources do not list."""

# What a transaction_status means for the page and, where money is involved, for the charge. A refused try leaves the
# page open for another; what ends it in other ways names the state.
_PAGE_STATES = {
    "authorize": "authorized",
    "capture": "paid",
    "settlement": "paid",
    "cancel": "cancelled",
    "expire": "expired",
}


def begin(account: Account, order: Document, method: str, status: str, **changes: Any) -> Document:
    """
    Make the order's newest transaction and tell the merchant. What the payer chose before ends first.

    changes: further fields, e.g. what a card adds to the answers.
    """
    if (before := account.current(order)) and before["transaction_status"] == "pending":
        # The sources do not say what becomes of it. One order must not be payable twice, so it is cancelled, and told.
        move(account, order, before, "cancel", page_state="open")
    transaction = {
        "transaction_id": str(uuid.uuid4()),
        "order_id": order["order_id"],
        "token": order["token"],
        "method": method,
        "transaction_status": "pending",
        "fraud_status": "accept" if METHODS[method].has_fraud_status else None,
        "gross_amount": order["gross_amount"],
        "created_at": account.now(),
        "expires_at": order["pay_until"] or account.now() + _PAY_WITHIN_S,
        "settled_at": None,
        "details": METHODS[method].details(),
        "refunds": [],
        **changes,
    }
    account.add("transaction", transaction["transaction_id"], transaction)
    order["transaction_id"] = transaction["transaction_id"]
    move(account, order, transaction, status)
    return transaction


def move(
    account: Account, order: Document, transaction: Document, status: str, *, page_state: str | None = None
) -> None:
    """
    Set the status, make page and charge agree, and notify.

    page_state: where the status alone does not tell it. Money under review (challenge) counts as authorized.
    """
    transaction["transaction_status"] = status
    if status == "settlement" and transaction["settled_at"] is None:
        transaction["settled_at"] = account.now()
        balance.add_settlement(account, transaction)
    account.save_transaction(transaction)
    order["state"] = page_state or _page_state(order, transaction)
    account.save_order(order)
    _record_charge(account, order, transaction)
    notify(account, order, transaction)


def expire_if_due(account: Account, order: Document) -> None:
    """
    Close an open page whose time has run out; `order` is changed in place.

    A chosen method may outlive the page, and nothing is told of a page on which none was chosen.
    """
    if order["state"] != "open":
        return
    current = account.current(order)
    if current and current["transaction_status"] == "pending":
        if current["expires_at"] <= account.now():
            move(account, order, current, "expire")
    elif order["expires_at"] <= account.now():
        order["state"] = "expired"
        account.save_order(order)


def _page_state(order: Document, transaction: Document) -> str:
    if is_under_review(transaction):
        return "authorized"
    state: str = order["state"]
    return _PAGE_STATES.get(transaction["transaction_status"], state)


_CHARGE_STATES = {"authorized": "authorized", "paid": "succeeded", "cancelled": "voided"}


def _record_charge(account: Account, order: Document, transaction: Document) -> None:
    ledger, charge_id = account.frame.ledger, transaction["transaction_id"]
    amount = rupiah(transaction["gross_amount"])
    known = ledger.charge(SLUG, charge_id)
    if known is None:
        if order["state"] in ("authorized", "paid"):
            ledger.add_charge(
                Charge(
                    provider=SLUG,
                    id=charge_id,
                    page_id=order["token"],
                    reference=order["order_id"],
                    amount=amount,
                    refunded=rupiah(0),
                    state=_CHARGE_STATES[order["state"]],
                    dispute=None,
                    created_at=account.now(),
                )
            )
        return
    # Failed after money was there: an authorization was refused, or the bank took settled money back.
    failed = "voided" if transaction["settled_at"] is None else "failed"
    state = failed if order["state"] == "failed" else _CHARGE_STATES[order["state"]]
    ledger.set_charge(SLUG, charge_id, state=state, amount=amount.units)
