"""Xendit as the frame sees it: its routes, its buttons, its webhooks."""

from collections.abc import Callable

from flask import Blueprint

from paylink_sandbox.documents import Document
from paylink_sandbox.errors import NotFound, NotPossible
from paylink_sandbox.ledger import Charge, Page
from paylink_sandbox.registry import Action, Export, Frame, PageView
from paylink_sandbox.xendit import disputes, refunds
from paylink_sandbox.xendit.account import SLUG, Account
from paylink_sandbox.xendit.amounts import to_number
from paylink_sandbox.xendit.api import Api
from paylink_sandbox.xendit.errors import XenditError
from paylink_sandbox.xendit.methods import CODES
from paylink_sandbox.xendit.page import view_of
from paylink_sandbox.xendit.payments import Payments, invoice_of_payment
from paylink_sandbox.xendit.settings import Settings
from paylink_sandbox.xendit.settlements import XenditSettlements
from paylink_sandbox.xendit.webhook import XenditWebhooks


class XenditSimulator:
    """Implements Simulator."""

    slug = SLUG
    name = "Xendit"

    def __init__(self, frame: Frame) -> None:
        settings = Settings.from_environment(frame.config.environment)
        self.rules = XenditWebhooks(settings.callback_token)
        self._account = Account(frame)
        payments = Payments(self._account)
        self._payments = payments
        self._api = Api(self._account, settings, payments)
        self.settlements = XenditSettlements(self._account)
        self.exports: tuple[Export, ...] = ()
        self.page_actions = (
            Action("pay", "Pay", _is_open, _without_amount(payments.pay), by_payer=True, tone="primary"),
            Action("fail", "Payment is refused", _is_open, _without_amount(payments.refuse), by_payer=True),
            Action(
                "pay-other-amount",
                "Pay too little",
                _is_open,
                _without_amount(payments.pay_other_amount),
                by_payer=True,
            ),
            Action("expire", "Let it expire", _is_open, _without_amount(payments.expire), by_payer=True),
            Action("pay-late", "Money arrives late", _is_expired, _without_amount(payments.pay_late), by_payer=True),
            *(self._pay_by(code) for code in CODES),
        )
        self.charge_actions = (
            Action("settle", "Settle", self._is_unsettled, _without_amount(payments.settle)),
            Action("refund", "Refund", self._can_be_refunded, self._refund, takes_amount=True),
            Action("refund-complete", "Refund arrived", self._refund_waits, self._end_refund("SUCCEEDED")),
            Action(
                "refund-failed", "Refund failed", self._refund_waits, self._end_refund("FAILED", "INSUFFICIENT_BALANCE")
            ),
            Action("dispute", "Dispute", _can_be_disputed, self._dispute, tone="danger"),
            Action("dispute-won", "Dispute won", _is_disputed, self._close_dispute(won=True)),
            Action("dispute-lost", "Dispute lost", _is_disputed, self._close_dispute(won=False), tone="danger"),
        )

    def routes(self) -> Blueprint:
        return self._api.routes()

    def expire_page(self, page_id: str) -> None:
        self._payments.expire_if_due(page_id)

    def page_view(self, page_id: str) -> PageView:
        invoice = self._account.find("invoice", page_id)
        if invoice is None:
            raise NotFound(f"no invoice {page_id!r}")
        return view_of(self._account, invoice)

    def _pay_by(self, code: str) -> Action[Page]:
        """One for each method: the payment page draws these itself; the operator has enough with the others."""
        return Action(
            f"pay-{code.lower()}", f"Pay by {code}", lambda _: False, lambda id, _: self._payments.pay(id, code), True
        )

    def _refund(self, charge_id: str, units: int | None) -> None:
        with self._account.transaction():
            invoice = invoice_of_payment(self._account, charge_id)
            given: Document = {"invoice_id": invoice["id"], "reason": "REQUESTED_BY_CUSTOMER"}
            if units is not None:
                charge = self._account.frame.ledger.charge(SLUG, charge_id)
                assert charge is not None, "written together with the payment"
                given["amount"] = to_number(charge.amount.with_units(units))
            try:
                refunds.create(self._account, given)
            except XenditError as exc:
                raise NotPossible(exc.message) from exc

    def _end_refund(self, status: str, failure_code: str | None = None) -> Callable[[str, int | None], None]:
        def run(charge_id: str, _amount: int | None) -> None:
            with self._account.transaction():
                refund = refunds.latest_pending(self._account, charge_id)
                if refund is None:
                    raise NotPossible("no refund of this payment is pending")
                refunds.end(self._account, refund, status, failure_code)

        return run

    def _dispute(self, charge_id: str, _amount: int | None) -> None:
        with self._account.transaction():
            disputes.open_dispute(self._account, charge_id)

    def _close_dispute(self, *, won: bool) -> Callable[[str, int | None], None]:
        def run(charge_id: str, _amount: int | None) -> None:
            with self._account.transaction():
                disputes.close_dispute(self._account, charge_id, won=won)

        return run

    def _is_unsettled(self, charge: Charge) -> bool:
        invoice = self._account.find("invoice", charge.page_id)
        return invoice is not None and invoice["status"] == "PAID"

    def _can_be_refunded(self, charge: Charge) -> bool:
        invoice = self._account.find("invoice", charge.page_id)
        return _has_money(charge) and invoice is not None and refunds.is_refundable(invoice)

    def _refund_waits(self, charge: Charge) -> bool:
        return refunds.latest_pending(self._account, charge.id) is not None


def _without_amount(act: Callable[[str], None]) -> Callable[[str, int | None], None]:
    return lambda id, _amount: act(id)


def _is_open(page: Page) -> bool:
    return page.state == "open"


def _is_expired(page: Page) -> bool:
    return page.state == "expired"


def _has_money(charge: Charge) -> bool:
    return charge.refunded.units < charge.amount.units and charge.dispute in (None, "won")


def _can_be_disputed(charge: Charge) -> bool:
    return charge.refunded.units < charge.amount.units and charge.dispute is None


def _is_disputed(charge: Charge) -> bool:
    return charge.dispute == "open"
