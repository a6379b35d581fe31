"""Transactions: what each movement of money did to the balance, for reconciliation."""

from decimal import Decimal
from typing import Any

from paylink_sandbox.documents import Document
from paylink_sandbox.money import Amount
from paylink_sandbox.xendit import invoices
from paylink_sandbox.xendit.account import USER_ID, Account, epoch, new_object_id, new_uuid, timestamp
from paylink_sandbox.xendit.amounts import to_number
from paylink_sandbox.xendit.methods import Group, offered

_FEE_PER_MILLE, _VAT_PER_MILLE = 15, 110
"""One fee for every channel; real ones differ."""
_SETTLES_AFTER_S = 86_400


def add_payment_row(account: Account, invoice: Document, group: Group, paid: Amount) -> None:
    fee = paid.with_units(paid.units * _FEE_PER_MILLE // 1000)
    product = f"ewc_{invoice['payment_id']}" if group.category == "EWALLET" else invoice["payment_id"]
    _add(account, invoice, "PAYMENT", product, paid, fee)


def add_outgoing_row(account: Account, invoice: Document, type: str, product: str, amount: Amount) -> None:
    """type: REFUND or CHARGEBACK. product: id of the refund or payment. Fees stay with Xendit."""
    _add(account, invoice, type, product, amount, amount.with_units(0))


def add_foreign_row(account: Account, amount: Amount) -> str:
    """A payment that another system took on the account. Returns the id."""
    paid_at = account.stamp()
    invoice = {
        "id": new_object_id(account.now()),
        "external_id": f"order-{new_uuid()}",
        "payment_id": new_uuid(),
        "payment_channel": "CREDIT_CARD",
        "currency": amount.currency,
        "paid_at": paid_at,
    }
    fee = amount.with_units(amount.units * _FEE_PER_MILLE // 1000)
    return _add(account, invoice, "PAYMENT", invoice["payment_id"], amount, fee)


def add_withdrawal_row(account: Account, amount: Amount) -> str:
    """The balance is sent to the merchant's bank. Returns the id."""
    bank: Document = {
        "id": None,
        "external_id": f"withdrawal-{new_uuid()}",
        "payment_id": new_uuid("wd-"),
        "payment_channel": None,
        "currency": amount.currency,
    }
    return _add(account, bank, "WITHDRAWAL", bank["payment_id"], amount, amount.with_units(0))


def current(account: Account, kept: Document) -> Document:
    """The row as it stands now: a payment is settled together with its invoice."""
    row: Document = kept["row"]
    invoice = invoices.find(account, kept["invoice_id"]) if row["cashflow"] == "MONEY_IN" else None
    if invoice and invoice["status"] == "SETTLED":
        row = {**row, "settlement_status": "SETTLED", "updated": max(row["updated"], invoice["updated"])}
    return row


def balance(account: Account, currency: str) -> int | Decimal:
    """What can be paid out: settled payments without fees, less what went out."""
    total: int | Decimal = 0
    for kept in account.all_of("transaction"):
        row = current(account, kept)
        if row["currency"] == currency and row["settlement_status"] in ("SETTLED", None):
            total += row["net_amount"] if row["cashflow"] == "MONEY_IN" else -row["net_amount"]
    return total


def _add(account: Account, invoice: Document, type: str, product: str, amount: Amount, fee: Amount) -> str:
    incoming = type == "PAYMENT"
    vat = fee.with_units(fee.units * _VAT_PER_MILLE // 1000)
    channel = invoice["payment_channel"]
    category = offered(invoice["currency"], [channel])[0].group.category if channel else "BANK"
    row: dict[str, Any] = {
        "id": new_uuid("txn_"),
        "product_id": product,
        "type": type,
        "status": "SUCCESS",
        "channel_category": category,
        "channel_code": channel,
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
        "product_data": {"payment_link_id": invoice["id"]} if invoice["id"] else None,
        "created": account.stamp(),
        "updated": account.stamp(),
    }
    kept = {"payment_id": invoice["payment_id"], "invoice_id": invoice["id"], "row": row}
    account.add("transaction", row["id"], kept)
    return str(row["id"])
