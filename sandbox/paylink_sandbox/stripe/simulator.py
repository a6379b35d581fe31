"""Stripe as the frame sees it: its routes, its buttons, its webhooks."""

from collections.abc import Callable

from flask import Blueprint

from paylink_sandbox.config import MERCHANT
from paylink_sandbox.documents import Document
from paylink_sandbox.errors import NotFound, NotPossible
from paylink_sandbox.ledger import Charge, Page
from paylink_sandbox.registry import Action, Export, Frame, Line, PageView
from paylink_sandbox.stripe import disputes, refunds, sessions
from paylink_sandbox.stripe.account import SLUG, Account
from paylink_sandbox.stripe.amounts import amount
from paylink_sandbox.stripe.api import Api
from paylink_sandbox.stripe.errors import StripeError
from paylink_sandbox.stripe.objects import BANK_TRANSFER, CARD
from paylink_sandbox.stripe.payments import Payments
from paylink_sandbox.stripe.settings import Settings
from paylink_sandbox.stripe.settlements import StripeSettlements
from paylink_sandbox.stripe.webhook import StripeWebhooks

_WAITING = ("requires_action",)
_NOT_UNDONE = ("requires_action", "succeeded")
_METHODS = {"card": "Visa •••• 4242", "customer_balance": "Bank transfer"}


class StripeSimulator:
    """Implements Simulator."""

    slug = SLUG
    name = "Stripe"

    def __init__(self, frame: Frame) -> None:
        settings = Settings.from_environment(frame.config.environment)
        self.rules = StripeWebhooks(settings.webhook_secrets)
        self._account = Account(frame)
        payments = Payments(self._account)
        self._payments = payments
        self._api = Api(self._account, settings, payments)
        self.settlements = StripeSettlements(self._account)
        self.exports: tuple[Export, ...] = ()

        def by_card(page: Page) -> bool:
            return _is_open(page) and payments.takes(page.id, CARD)

        def by_transfer(page: Page) -> bool:
            return _is_open(page) and payments.takes(page.id, BANK_TRANSFER)

        self.page_actions = (
            Action("pay", "Pay", by_card, _on_page(payments.pay), by_payer=True, tone="primary"),
            Action("pay-delayed", "Pay by bank transfer", by_transfer, _on_page(payments.pay_delayed), by_payer=True),
            Action("fail", "Use a card that is declined", by_card, _on_page(payments.decline), by_payer=True),
            Action("expire", "Let it expire", _is_open, _on_page(payments.expire), by_payer=True),
            Action("settle-delayed", "Transfer arrived", _is_processing, self._settle(arrived=True)),
            Action("fail-delayed", "Transfer failed", _is_processing, self._settle(arrived=False), tone="danger"),
        )
        self.charge_actions = (
            Action("refund", "Refund", _has_money, self._refund, takes_amount=True),
            Action("refund-complete", "Refund arrived", _refunds_wait, self._end_refund(refunds.complete, *_WAITING)),
            Action("refund-failed", "Refund failed", _has_refunds, self._end_refund(refunds.fail, *_NOT_UNDONE)),
            Action("dispute", "Dispute", _can_be_disputed, self._dispute, tone="danger"),
            Action("dispute-won", "Dispute won", _is_disputed, self._close_dispute(won=True)),
            Action("dispute-lost", "Dispute lost", _is_disputed, self._close_dispute(won=False), tone="danger"),
        )

    def routes(self) -> Blueprint:
        return self._api.routes()

    def expire_page(self, page_id: str) -> None:
        self._payments.expire_if_due(page_id)

    def page_view(self, page_id: str) -> PageView:
        session = self._account.find("checkout.session", page_id)
        if session is None:
            raise NotFound(f"no session {page_id!r}")
        intent = self._account.find("payment_intent", session["payment_intent"] or "")
        charge = self._account.find("charge", intent["latest_charge"] or "") if intent else None
        error = intent["last_payment_error"] if intent else None
        completed = session["status"] == "complete"
        return PageView(
            merchant=MERCHANT,
            description=sessions.intent_data(self._account, page_id).get("description"),
            lines=[_line(item) for item in sessions.line_items(self._account, page_id)],
            method=_METHODS[charge["payment_method_details"]["type"]] if completed and charge else None,
            notice=error["message"] if error and session["status"] != "expired" else None,
            return_url=session["success_url"].replace("{CHECKOUT_SESSION_ID}", page_id) if completed else None,
            cancel_url=session["cancel_url"],
        )

    def _settle(self, *, arrived: bool) -> Callable[[str, int | None], None]:
        return lambda page_id, _amount: self._payments.settle_delayed(page_id, arrived=arrived)

    def _refund(self, charge_id: str, units: int | None) -> None:
        if units is not None and units < 1:
            raise NotPossible("the amount must be positive")
        given = {"charge": charge_id, "reason": "requested_by_customer"}
        with self._account.transaction():
            try:
                refunds.create(self._account, given if units is None else {**given, "amount": units})
            except StripeError as exc:
                raise NotPossible(exc.message) from exc

    def _end_refund(
        self, end: Callable[[Account, Document], Document], *statuses: str
    ) -> Callable[[str, int | None], None]:
        def run(charge_id: str, _amount: int | None) -> None:
            with self._account.transaction():
                refund = refunds.latest(self._account, charge_id, *statuses)
                if refund is None:
                    raise NotPossible(f"no refund of this charge is {' or '.join(statuses)}")
                end(self._account, refund)

        return run

    def _dispute(self, charge_id: str, _amount: int | None) -> None:
        with self._account.transaction():
            disputes.open_dispute(self._account, self._account.get("charge", charge_id))

    def _close_dispute(self, *, won: bool) -> Callable[[str, int | None], None]:
        def run(charge_id: str, _amount: int | None) -> None:
            with self._account.transaction():
                disputes.close_dispute(self._account, self._account.get("charge", charge_id), won=won)

        return run


def _on_page(act: Callable[[str], None]) -> Callable[[str, int | None], None]:
    return lambda page_id, _amount: act(page_id)


def _line(item: Document) -> Line:
    return Line(item["description"], item["quantity"], amount(item["amount_total"], item["currency"]))


def _is_open(page: Page) -> bool:
    return page.state == "open"


def _is_processing(page: Page) -> bool:
    return page.state == "processing"


def _has_money(charge: Charge) -> bool:
    left = charge.refunded.units < charge.amount.units
    return charge.state == "succeeded" and left and charge.dispute in (None, "won")


def _has_refunds(charge: Charge) -> bool:
    return charge.refunded.units > 0


def _refunds_wait(charge: Charge) -> bool:
    return _has_refunds(charge) and charge.id.startswith("py_")


def _can_be_disputed(charge: Charge) -> bool:
    return _has_money(charge) and charge.dispute is None


def _is_disputed(charge: Charge) -> bool:
    return charge.dispute == "open"
