"""What the payer does on the page."""

import secrets
from collections.abc import Callable, Sequence

from paylink_sandbox.documents import Document
from paylink_sandbox.errors import NotFound, NotPossible
from paylink_sandbox.ledger import Charge
from paylink_sandbox.money import Amount
from paylink_sandbox.xendit import invoices
from paylink_sandbox.xendit.account import SLUG, Account, new_uuid
from paylink_sandbox.xendit.amounts import to_number
from paylink_sandbox.xendit.methods import BANK, CARD, EWALLET, QR, Method
from paylink_sandbox.xendit.transactions import add_payment_row

_REFUSED = "The payment was refused. Please try again or choose another way to pay."


class Payments:
    """Each method is one transaction, so a second click finds the invoice already paid."""

    def __init__(self, account: Account) -> None:
        self._account = account

    def pay(self, invoice_id: str, code: str | None = None) -> None:
        """Pay in full; without a method, by the first whose payments can be refunded."""
        with self._account.transaction():
            invoice = self._invoice(invoice_id, "PENDING")
            methods = invoices.methods_of(self._account, invoice)
            method = _named(methods, code) if code else _first(methods, lambda method: method.group.refundable)
            self._receive(invoice, method, invoices.total_of(invoice))

    def pay_other_amount(self, invoice_id: str) -> None:
        """A tenth is missing, as when a payer types the sum into an open-amount virtual account."""
        with self._account.transaction():
            invoice = self._invoice(invoice_id, "PENDING")
            total = invoices.total_of(invoice)
            method = _first(invoices.methods_of(self._account, invoice), lambda method: method.group is BANK)
            self._receive(invoice, method, total.with_units(total.units - max(1, total.units // 10)))

    def pay_late(self, invoice_id: str) -> None:
        """The money was on its way when the invoice expired."""
        with self._account.transaction():
            invoice = self._invoice(invoice_id, "EXPIRED")
            method = _first(invoices.methods_of(self._account, invoice), lambda method: method.group.refundable)
            self._receive(invoice, method, invoices.total_of(invoice))

    def refuse(self, invoice_id: str) -> None:
        """A refused attempt shows on the page only; API and webhooks never tell it."""
        with self._account.transaction():
            self._invoice(invoice_id, "PENDING")
            page = invoices.page_of(self._account, invoice_id)
            self._account.save("page", invoice_id, {**page, "notice": _REFUSED})

    def expire(self, invoice_id: str) -> None:
        """The payer lets the time run out."""
        with self._account.transaction():
            invoices.close(self._account, self._invoice(invoice_id, "PENDING"))

    def expire_if_due(self, invoice_id: str) -> None:
        with self._account.transaction():
            invoices.find(self._account, invoice_id)

    def settle(self, charge_id: str) -> None:
        with self._account.transaction():
            invoice = invoice_of_payment(self._account, charge_id)
            if invoice["status"] != "PAID":
                raise NotPossible(f"the invoice is {invoice['status']}")
            invoices.settle(self._account, invoice)

    def _invoice(self, invoice_id: str, status: str) -> Document:
        invoice = invoices.find(self._account, invoice_id)
        if invoice is None:
            raise NotFound(f"no invoice {invoice_id!r}")
        if invoice["status"] != status:
            raise NotPossible(f"the invoice is {invoice['status']}")
        return invoice

    def _receive(self, invoice: Document, method: Method, paid: Amount) -> None:
        account, now = self._account, self._account.now()
        payment_id = new_uuid()
        invoices.save(
            account,
            invoice,
            {
                "status": "PAID",
                "paid_amount": to_number(paid),
                "paid_at": account.stamp(),
                "payment_method": method.group.payment_method,
                "payment_channel": method.code,
                "payment_id": payment_id,
                **_traces(method, invoice["id"]),
            },
        )
        add_payment_row(account, invoice, method.group, paid)
        ledger = account.frame.ledger
        ledger.set_page_state(SLUG, invoice["id"], "paid")
        ledger.add_charge(
            Charge(
                provider=SLUG,
                id=payment_id,
                page_id=invoice["id"],
                reference=invoice["external_id"],
                amount=paid,
                refunded=paid.with_units(0),
                state="succeeded",
                dispute=None,
                created_at=now,
            )
        )
        invoices.emit(account, "invoice.paid", invoice)


def invoice_of_payment(account: Account, payment_id: str) -> Document:
    """Raises NotFound."""
    found = account.all_of("invoice", {"payment_id": payment_id})
    if not found:
        raise NotFound(f"no payment {payment_id!r}")
    return invoices.refreshed(account, found[0])


def _traces(method: Method, invoice_id: str) -> Document:
    """What a method leaves on the invoice beside its name."""
    if method.group is EWALLET:
        return {"ewallet_type": method.code}
    if method.group is QR:
        return {"payment_details": {"receipt_id": secrets.token_hex(6).upper(), "source": "DANA"}}
    if method.group is CARD:
        return {"credit_card_charge_id": secrets.token_hex(12)}
    destination = {"payment_destination": method.destination(invoice_id)}
    return {**destination, "bank_code": method.code} if method.group is BANK else destination


def _named(methods: Sequence[Method], code: str) -> Method:
    for method in methods:
        if method.code == code:
            return method
    raise NotPossible(f"this invoice cannot be paid by {code}")


def _first(methods: Sequence[Method], fits: Callable[[Method], bool]) -> Method:
    """The first that fits, else the first."""
    return next(filter(fits, methods), methods[0])
