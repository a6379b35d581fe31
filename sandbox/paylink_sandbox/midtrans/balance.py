"""What each settlement, refund and chargeback did to the merchant's balance: the rows of the dashboard's export."""

import secrets

from paylink_sandbox.documents import Document
from paylink_sandbox.errors import NotPossible
from paylink_sandbox.midtrans.account import CURRENCY, Account

KIND = "mutation"

_FEE_PER_MILLE, _VAT_PER_MILLE = 20, 110
"""One fee for every method; real ones differ."""


def add_settlement(account: Account, transaction: Document) -> None:
    """A payment is settled to the merchant, less the fee and the tax on it."""
    gross = transaction["gross_amount"]
    fee = gross * _FEE_PER_MILLE // 1000
    _add(account, "Payment", transaction, gross, fee, fee * _VAT_PER_MILLE // 1000)


def add_refund(account: Account, transaction: Document, refund: Document) -> None:
    """Fees stay with Midtrans."""
    names = {"refund_key": refund["key"], "refund_id": str(refund["id"])}
    _add(account, "Refund", transaction, -refund["amount"], **names)


def add_chargeback(account: Account, transaction: Document, *, partial: bool) -> None:
    """A partial one takes half: the status tells no amount. A whole one takes what is left."""
    taken = sum(
        row["amount"]
        for row in account.all_of(KIND, transaction_id=transaction["transaction_id"])
        if row["type"] in ("Chargeback", "Partial Chargeback")
    )
    left = transaction["gross_amount"] + taken
    kind = "Partial Chargeback" if partial else "Chargeback"
    _add(account, kind, transaction, -(left // 2 if partial else left))


def add_reversal(account: Account, transaction: Document) -> None:
    """The payer's bank has taken a settled payment back."""
    _add(account, "Payment Reversal", transaction, -transaction["gross_amount"])


def add_foreign(account: Account, units: int) -> str:
    """A payment that another system took on the account. Returns the row's id."""
    fee = units * _FEE_PER_MILLE // 1000
    order: Document = {
        "order_id": f"order-{secrets.token_hex(6)}",
        "transaction_id": secrets.token_hex(16),
        "method": "credit_card",
        "created_at": account.now(),
    }
    return _add(account, "Payment", order, units, fee, fee * _VAT_PER_MILLE // 1000)


def pay_out(account: Account) -> str:
    """Pay out all that was not paid out; returns the payout's id. Raises NotPossible when there is nothing."""
    waiting = [row for row in account.all_of(KIND) if row["payout"] is None and row["currency"] == CURRENCY]
    total = sum(row["net"] for row in waiting)
    if total <= 0:
        raise NotPossible("nothing can be paid out: cards are settled first")
    payout = f"PO-{secrets.token_hex(8)}"
    bank = {"order_id": None, "transaction_id": None, "method": None, "created_at": account.now()}
    row_id = _add(account, "Payout", bank, -total)
    for row in (*waiting, *account.all_of(KIND, row_id=row_id)):
        account.save(KIND, row["row_id"], {**row, "payout": payout})
    return payout


def _add(
    account: Account, type: str, transaction: Document, amount: int, fee: int = 0, vat: int = 0, **names: str
) -> str:
    row = {
        "row_id": f"MUT-{secrets.token_hex(10)}",
        "type": type,
        "order_id": transaction["order_id"],
        "transaction_id": transaction["transaction_id"],
        "method": transaction["method"],
        "amount": amount,
        "fee": fee,
        "vat": vat,
        "net": amount - fee - vat,
        "currency": CURRENCY,
        "made_at": transaction["created_at"],
        "settled_at": account.now(),
        "payout": None,
        "refund_key": None,
        "refund_id": None,
        **names,
    }
    account.add(KIND, row["row_id"], row)
    return str(row["row_id"])
