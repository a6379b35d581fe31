"""Transactions: what each movement of money did to the balance, for reconciliation."""

from decimal import Decimal
from typing import Any

from paylink_sandbox.documents import Document
from paylink_sandbox.money import Amount
from paylink_sandbox.xendit.account import USER_ID, Account, epoch, new_uuid, timestamp
from paylink_sandbox.xendit.amounts import to_number
from paylink_sandbox.xendit.methods import Group

_FEE_PER_MILLE, _VAT_PER_MILLE = 15, 110
"""One fee for every channel; real ones differ."""
_SETTLES_AFTER_S = 86_400


def add_payment_row(account: Account, invoice: Document, group: Group, paid: Amount) -> None:
    fee = paid.with_units(paid.units * _FEE_PER_MILLE // 1000)
    _add(account, invoice, group.category, "PAYMENT", paid, fee)


def add_outgoing_row(account: Account, invoice: Document, type: str, amount: Amount) -> None:
    """type: REFUND or CHARGEBACK. Fees stay with Xendit."""
    category = account.all_of("transaction", {"payment_id": invoice["payment_id"]})[-1]["row"]["channel_category"]
    _add(account, invoice, category, type, amount, amount.with_units(0))


def current(account: Account, kept: Document) -> Document:
    """The row as it stands now: a payment is settled together with its invoice."""
    row: Document = kept["row"]
    invoice = account.find("invoice", kept["invoice_id"])
    if row["cashflow"] == "MONEY_IN" and invoice and invoice["status"] == "SETTLED":
        row = {**row, "settlement_status": "SETTLED", "updated": invoice["updated"]}
    return row


def balance(account: Account, currency: str) -> int | Decimal:
    """What can be paid out: settled payments without fees, less what went out."""
    total: int | Decimal = 0
    for kept in account.all_of("transaction"):
        row = current(account, kept)
        if row["currency"] == currency and row["settlement_status"] in ("SETTLED", None):
            total += row["net_amount"] if row["cashflow"] == "MONEY_IN" else -row["net_amount"]
    return total


def _add(account: Account, invoice: Document, category: str, type: str, amount: Amount, fee: Amount) -> None:
    incoming = type == "PAYMENT"
    vat = fee.with_units(fee.units * _VAT_PER_MILLE // 1000)
    product = f"ewc_{invoice['payment_id']}" if category == "EWALLET" else invoice["payment_id"]
    row: dict[str, Any] = {
        "id": new_uuid("txn_"),
        "product_id": product,
        "type": type,
        "status": "SUCCESS",
        "channel_category": category,
        "channel_code": invoice["payment_channel"],
        "account_identifier": invoice.get("payment_destination"),
        "reference_id": invoice["external_id"],
        "currency": invoice["currency"],
        "amount": to_number(amount),
        "net_amount": to_number(amount.with_units(amount.units - fee.units - vat.units)),
        "cashflow": "MONEY_IN" if incoming else "MONEY_OUT",
        "settlement_status": "PENDING" if incoming else None,
        "estimated_settlement_time": timestamp(epoch(invoice["paid_at"]) + _SETTLES_AFTER_S) if incoming else None,
        "business_id": USER_ID,
        "fee": {
            "xendit_fee": to_number(fee),
            "value_added_tax": to_number(vat),
            "xendit_withholding_tax": 0,
            "third_party_withholding_tax": 0,
            "status": "COMPLETED" if incoming else "NOT_APPLICABLE",
        },
        "product_data": {"payment_link_id": invoice["id"]},
        "created": account.stamp(),
        "updated": account.stamp(),
    }
    kept = {"payment_id": invoice["payment_id"], "invoice_id": invoice["id"], "row": row}
    account.add("transaction", row["id"], kept)
