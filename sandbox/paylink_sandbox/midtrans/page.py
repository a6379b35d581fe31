"""What the payment page shows."""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode, urlsplit, urlunsplit

import segno

from paylink_sandbox.config import MERCHANT
from paylink_sandbox.documents import Document
from paylink_sandbox.midtrans.account import rupiah
from paylink_sandbox.midtrans.answers import is_under_review, status_code
from paylink_sandbox.midtrans.methods import METHODS, Kind, Method
from paylink_sandbox.midtrans.payments import CARDS
from paylink_sandbox.registry import Line, PageView

_GROUPS = (
    ("E-wallet and QRIS", (Kind.QR,)),
    ("Bank transfer", (Kind.ACCOUNT, Kind.BILL)),
    ("Card", (Kind.CARD,)),
    ("Convenience store", (Kind.STORE,)),
)
_STEPS: Mapping[Kind, Sequence[str]] = {
    Kind.QR: (
        "{hint}.",
        "Check the shop and the amount.",
        "Confirm with your PIN.",
    ),
    Kind.ACCOUNT: (
        "Open your bank's app or go to an ATM, and choose Transfer, then Virtual Account.",
        "Enter the {name} virtual account number.",
        "Check the shop and the amount, then confirm.",
    ),
    Kind.BILL: (
        "Open the {name} app or go to its ATM, and choose Bill payment.",
        "Enter the biller code, then the bill key.",
        "Check the amount, then confirm.",
    ),
    Kind.STORE: (
        "Go to the nearest {name} and say that you pay for Midtrans.",
        "Show or tell the payment code to the cashier.",
        "Pay the amount and keep the receipt.",
    ),
}
_DENIED = "The bank refused the card."


def view_page(order: Document, transaction: Document | None) -> PageView:
    status = transaction["transaction_status"] if transaction else None
    finished = order["state"] in ("paid", "authorized")
    paid_by = METHODS[transaction["method"]].name if transaction and finished else None
    customer = order["customer"]
    return PageView(
        merchant=MERCHANT,
        description=None,
        lines=[Line(i["name"], i["quantity"], rupiah(i["price"] * i["quantity"])) for i in order["items"]],
        method=paid_by,
        notice=_DENIED if status == "deny" and order["state"] == "open" else None,
        return_url=_return_url(order["finish_url"], order, transaction) if finished else None,
        cancel_url=_cancel_url(order, transaction),
        template="midtrans/payment.html",
        details={
            "customer": " ".join(filter(None, (customer["first_name"], customer["last_name"]))) or customer["email"],
            "groups": _groups(order["methods"]),
            "cards": CARDS if "credit_card" in order["methods"] else (),
            "chosen": _instructions(transaction) if transaction and status == "pending" else None,
            "under_review": transaction is not None and is_under_review(transaction),
        },
    )


def _groups(codes: Sequence[str]) -> list[tuple[str, list[Method]]]:
    methods = [METHODS[code] for code in codes]
    groups = [(title, [method for method in methods if method.kind in kinds]) for title, kinds in _GROUPS]
    return [(title, members) for title, members in groups if members]


def _instructions(transaction: Document) -> dict[str, Any]:
    """How to pay by the chosen method: numbers by their label, and a code to scan where there is one."""
    method, details = METHODS[transaction["method"]], transaction["details"]
    return {
        "method": method,
        "numbers": _numbers(details),
        "qr": _qr(transaction["transaction_id"]) if method.kind is Kind.QR else None,
        "steps": [step.format(name=method.name, hint=method.hint) for step in _STEPS[method.kind]],
        "expires_at": transaction["expires_at"],
    }


def _numbers(details: Mapping[str, Any]) -> list[tuple[str, str]]:
    named = [
        ("Virtual account number", details.get("permata_va_number")),
        ("Biller code", details.get("biller_code")),
        ("Bill key", details.get("bill_key")),
        ("Payment code", details.get("payment_code")),
        *(("Virtual account number", account["va_number"]) for account in details.get("va_numbers", ())),
    ]
    return [(label, number) for label, number in named if number]


def _qr(transaction_id: str) -> str:
    """A picture as a data URI. Its text is no payment: a real wallet that scans it must find nothing to pay."""
    return segno.make(f"PAYLINK SANDBOX {transaction_id}", error="m").svg_data_uri(scale=5, border=2)


def _cancel_url(order: Document, transaction: Document | None) -> str | None:
    """Where a payer goes who has not paid. One who is still to pay a chosen method is told so in the address."""
    if order["state"] == "open" and transaction and transaction["transaction_status"] == "pending":
        return _return_url(order["finish_url"], order, transaction)
    address: str | None = order["error_url"] or order["finish_url"]
    return address


def _return_url(address: str | None, order: Document, transaction: Document | None) -> str | None:
    """The merchant's address with what Midtrans appends: unsigned, for display only."""
    if address is None or transaction is None:
        return address
    added = {
        "order_id": order["order_id"],
        "status_code": status_code(transaction),
        "transaction_status": transaction["transaction_status"],
    }
    parts = urlsplit(address)
    return urlunsplit(parts._replace(query="&".join(filter(None, (parts.query, urlencode(added))))))
