"""What the invoice page shows."""

from collections.abc import Sequence
from dataclasses import dataclass

import segno

from paylink_sandbox.config import MERCHANT
from paylink_sandbox.documents import Document
from paylink_sandbox.registry import Line, PageView
from paylink_sandbox.xendit import invoices
from paylink_sandbox.xendit.account import Account, epoch
from paylink_sandbox.xendit.amounts import cut_off, to_amount
from paylink_sandbox.xendit.methods import BANK, CARD, EWALLET, QR, RETAIL, Group, Method, offered

_SECTIONS = (QR, BANK, EWALLET, CARD, RETAIL)
_KINDS = {QR.title: "qr", BANK.title: "bank", EWALLET.title: "ewallet", CARD.title: "card", RETAIL.title: "retail"}


@dataclass(frozen=True)
class Choice:
    """
    One way to pay, as a row of the page.

    number: a virtual account number, or a payment code. qr_image: a data address.
    """

    code: str
    name: str
    kind: str
    action: str
    number: str | None
    qr_image: str | None


def view_of(account: Account, invoice: Document) -> PageView:
    paid = "payment_channel" in invoice
    currency = invoice["currency"]
    methods = invoices.methods_of(account, invoice) if invoice["status"] == "PENDING" else ()
    lines = [
        Line(item["name"], item["quantity"], cut_off(item["price"] * item["quantity"], currency))
        for item in invoice.get("items", [])
    ]
    lines += [Line(fee["type"], 1, cut_off(fee["value"], currency)) for fee in invoice.get("fees", [])]
    return PageView(
        merchant=MERCHANT,
        description=invoice.get("description"),
        lines=lines,
        method=offered(currency, [invoice["payment_channel"]])[0].name if paid else None,
        notice=invoices.page_of(account, invoice["id"])["notice"],
        return_url=invoice.get("success_redirect_url") if paid else None,
        cancel_url=invoice.get("failure_redirect_url"),
        template="xendit/invoice.html",
        details={
            "sections": _sections(methods, invoice),
            "left": _time_left(epoch(invoice["expiry_date"]) - account.now()),
            "received": to_amount(invoice["paid_amount"], currency) if paid else None,
            "paid_at": epoch(invoice["paid_at"]) if paid else None,
        },
    )


def _sections(methods: Sequence[Method], invoice: Document) -> list[tuple[str, list[Choice]]]:
    def of(group: Group) -> list[Choice]:
        return [_choice(method, invoice) for method in methods if method.group is group]

    return [(group.title, choices) for group in _SECTIONS if (choices := of(group))]


def _choice(method: Method, invoice: Document) -> Choice:
    return Choice(
        code=method.code,
        name=method.name,
        kind=_KINDS[method.group.title],
        action=f"pay-{method.code.lower()}",
        number=_in_fours(method.destination(invoice["id"])),
        qr_image=_qr_image(invoice) if method.group is QR else None,
    )


def _in_fours(number: str | None) -> str | None:
    """A long number as people read it; a code with letters as it is."""
    if number is None or not number.isdigit():
        return number
    return " ".join(number[start : start + 4] for start in range(0, len(number), 4))


def _qr_image(invoice: Document) -> str:
    """The code leads to this page: no bank's app could pay it, and a curious phone sees what it is."""
    code = segno.make(invoice["invoice_url"], error="m", micro=False)
    return code.svg_data_uri(border=2, scale=5, dark="#101c3d", light="#fff")


def _time_left(seconds: float) -> str:
    """`23 h 59 min`, `12 min`, `less than a minute`."""
    minutes = int(seconds // 60)
    days, hours = minutes // 1440, minutes // 60 % 24
    parts = [f"{days} d" if days else "", f"{hours} h" if hours else "", f"{minutes % 60} min" if minutes % 60 else ""]
    return " ".join(part for part in parts if part) if minutes >= 1 else "less than a minute"
