"""Midtrans as the frame sees it: its routes, its buttons, its webhooks."""

from collections.abc import Callable

from flask import Blueprint, Response

from paylink_sandbox.documents import Document
from paylink_sandbox.errors import NotFound, NotPossible
from paylink_sandbox.ledger import Charge, Page
from paylink_sandbox.midtrans import merchant
from paylink_sandbox.midtrans.account import SLUG, Account
from paylink_sandbox.midtrans.answers import is_under_review
from paylink_sandbox.midtrans.api import Api
from paylink_sandbox.midtrans.bank import Bank
from paylink_sandbox.midtrans.errors import MidtransError
from paylink_sandbox.midtrans.methods import METHODS, Kind, Refunds
from paylink_sandbox.midtrans.page import view_page
from paylink_sandbox.midtrans.payments import ACCEPTED, CHALLENGED, DENIED, Card, Payments
from paylink_sandbox.midtrans.refunds import unconfirmed
from paylink_sandbox.midtrans.settings import Settings
from paylink_sandbox.midtrans.settlements import MidtransSettlements
from paylink_sandbox.midtrans.webhook import MidtransWebhooks
from paylink_sandbox.registry import Action, Export, Frame, PageView

Run = Callable[[str, int | None], None]

EXPORT_PATH = "/dashboard/settlements.csv"


class MidtransSimulator:
    """Implements Simulator."""

    slug = SLUG
    name = "Midtrans"

    def __init__(self, frame: Frame) -> None:
        self.rules = MidtransWebhooks()
        self._account = Account(frame, Settings.from_environment(frame.config.environment))
        self._payments = Payments(self._account)
        bank = Bank(self._account)
        self.settlements = MidtransSettlements(self._account)
        self.exports = (Export("settlements (CSV)", EXPORT_PATH),)
        self.page_actions = (
            Action("pay", "Choose and pay", _is_open, _plain(self._payments.pay), by_payer=True, tone="primary"),
            Action(
                "pay-chosen", "Pay what was chosen", self._has_chosen, _plain(self._payments.pay_chosen), by_payer=True
            ),
            self._card("Pay by card", ACCEPTED),
            self._card("Use a card that is denied", DENIED),
            self._card("Use a card that is held for review", CHALLENGED),
            Action("expire", "Let it expire", _is_open, _plain(self._payments.expire), by_payer=True),
            *(self._choice(code) for code, method in METHODS.items() if method.kind is not Kind.CARD),
        )
        self.charge_actions = (
            Action("refund", "Refund", self._is(_can_be_refunded), self._refund, takes_amount=True),
            Action("refund-confirm", "Bank confirms refund", self._is(_is_unconfirmed), _plain(bank.confirm_refund)),
            Action("settle", "Settle", self._is(_is_captured), _plain(bank.settle)),
            Action("void", "Cancel", self._is(_can_be_cancelled), self._by_merchant(merchant.cancel)),
            Action("approve", "Approve", self._is(is_under_review), self._by_merchant(merchant.approve)),
            Action("deny", "Deny", self._is(is_under_review), self._by_merchant(merchant.deny), tone="danger"),
            Action("reverse", "Bank reverses", self._is(_can_be_reversed), _plain(bank.reverse), tone="danger"),
            Action("dispute", "Chargeback", self._is(_can_be_disputed), _plain(bank.charge_back), tone="danger"),
            Action(
                "dispute-partial",
                "Partial chargeback",
                self._is(_is_settled),
                lambda charge_id, _amount: bank.charge_back(charge_id, partial=True),
                tone="danger",
            ),
        )

    def routes(self) -> Blueprint:
        routes = Api(self._account, self._payments).routes()
        routes.add_url_rule(EXPORT_PATH, "settlements", self._export, methods=["GET"])
        return routes

    def _export(self) -> Response:
        """What the merchant's dashboard gives to whoever is logged in to it: here, whoever sees this page."""
        headers = {"Content-Disposition": "attachment; filename=settlements.csv"}
        return Response(self.settlements.export(), headers=headers, content_type="text/csv; charset=utf-8")

    def expire_page(self, page_id: str) -> None:
        self._payments.expire_if_due(page_id)

    def page_view(self, page_id: str) -> PageView:
        order = self._account.order(page_id)
        if order is None:
            raise NotFound(f"no page {page_id!r}")
        return view_page(order, self._account.current(order))

    def _card(self, label: str, card: Card) -> Action[Page]:
        def run(page_id: str, _amount: int | None) -> None:
            self._payments.use_card(page_id, card)

        return Action(card.name, label, self._takes_cards, run, by_payer=True)

    def _choice(self, code: str) -> Action[Page]:
        """The payment page draws these by itself; ten buttons at each payment would crowd the operator's page."""

        def run(page_id: str, _amount: int | None) -> None:
            self._payments.choose(page_id, code)

        return Action(f"choose-{code}", f"Choose {METHODS[code].name}", lambda _page: False, run, by_payer=True)

    def _has_chosen(self, page: Page) -> bool:
        order = self._account.order(page.id)
        current = self._account.current(order) if order else None
        return _is_open(page) and current is not None and current["transaction_status"] == "pending"

    def _takes_cards(self, page: Page) -> bool:
        order = self._account.order(page.id)
        return _is_open(page) and order is not None and "credit_card" in order["methods"]

    def _is(self, fits: Callable[[Document], bool]) -> Callable[[Charge], bool]:
        def offered(charge: Charge) -> bool:
            transaction = self._account.transaction(charge.id)
            return transaction is not None and fits(transaction)

        return offered

    def _refund(self, charge_id: str, units: int | None) -> None:
        given = {} if units is None else {"amount": units}
        self._as_merchant(lambda: merchant.refund(self._account, charge_id, {**given, "reason": "Operator"}))

    def _by_merchant(self, call: Callable[[Account, str], object]) -> Run:
        return lambda charge_id, _amount: self._as_merchant(lambda: call(self._account, charge_id))

    def _as_merchant(self, call: Callable[[], object]) -> None:
        with self._account.atomic():
            try:
                call()
            except MidtransError as exc:
                raise NotPossible(str(exc)) from exc


def _plain(act: Callable[[str], None]) -> Run:
    return lambda target_id, _amount: act(target_id)


def _is_open(page: Page) -> bool:
    return page.state == "open"


def _is_settled(transaction: Document) -> bool:
    return bool(transaction["transaction_status"] == "settlement")


def _is_captured(transaction: Document) -> bool:
    return transaction["transaction_status"] == "capture" and not is_under_review(transaction)


def _can_be_cancelled(transaction: Document) -> bool:
    return transaction["transaction_status"] in ("authorize", "capture")


def _can_be_reversed(transaction: Document) -> bool:
    return _is_settled(transaction) and METHODS[transaction["method"]].reversible


def _can_be_disputed(transaction: Document) -> bool:
    return transaction["transaction_status"] in ("settlement", "partial_chargeback")


def _can_be_refunded(transaction: Document) -> bool:
    allowed = METHODS[transaction["method"]].refunds is not Refunds.NONE
    return allowed and transaction["transaction_status"] in ("settlement", "partial_refund")


def _is_unconfirmed(transaction: Document) -> bool:
    return unconfirmed(transaction) is not None
