"""What the payer does on the page."""

import secrets
from dataclasses import dataclass

from paylink_sandbox.documents import Document
from paylink_sandbox.errors import NotFound, NotPossible
from paylink_sandbox.midtrans import transactions
from paylink_sandbox.midtrans.account import Account
from paylink_sandbox.midtrans.methods import METHODS

_CARD = "credit_card"
# Whoever pays in one click pays by a method whose money can be given back, if the merchant takes one.
_ONE_CLICK = ("qris", "gopay", "shopeepay", _CARD)


@dataclass(frozen=True)
class Card:
    """
    A test card and what becomes of it. Public sources differ on some numbers, least on these.

    name: of the action that uses it.
    """

    name: str
    number: str
    outcome: str

    @property
    def masked(self) -> str:
        digits = self.number.replace(" ", "")
        return f"{digits[:8]}-{digits[-4:]}"


ACCEPTED = Card("card", "4811 1111 1111 1114", "Accepted")
DENIED = Card("fail", "4911 1111 1111 1113", "Denied by the bank")
CHALLENGED = Card("challenge", "4511 1111 1111 1117", "Held for review by the shop")
CARDS = (ACCEPTED, DENIED, CHALLENGED)


class Payments:
    """Each method is one database transaction, so a second click finds what the first one did."""

    def __init__(self, account: Account) -> None:
        self._account = account

    def choose(self, token: str, method: str) -> None:
        """Pick a method that is paid later. The same again changes nothing; another replaces it."""
        with self._account.atomic():
            order = self._open_order(token)
            self._check_enabled(order, method)
            chosen = self._chosen(order)
            if chosen is None or chosen["method"] != method:
                transactions.begin(self._account, order, method, "pending")

    def pay_chosen(self, token: str) -> None:
        """The money for the chosen method arrives."""
        with self._account.atomic():
            order = self._open_order(token)
            chosen = self._chosen(order)
            if chosen is None:
                raise NotPossible("no payment method is chosen")
            transactions.move(self._account, order, chosen, "settlement")

    def pay(self, token: str) -> None:
        """Choose and pay in one go, by QRIS where the merchant takes it."""
        with self._account.atomic():
            order = self._open_order(token)
            method = next(code for code in (*_ONE_CLICK, *order["methods"]) if code in order["methods"])
            if method == _CARD:
                self.use_card(token, ACCEPTED)
            else:
                self.choose(token, method)
                self.pay_chosen(token)

    def use_card(self, token: str, card: Card) -> None:
        """
        Taken, refused by the bank, or taken and held for the merchant's review. A refusal leaves the page open for
        another try, which is a new transaction of the same order.
        """
        with self._account.atomic():
            order = self._open_order(token)
            self._check_enabled(order, _CARD)
            details = {"masked_card": card.masked}
            if card is DENIED:
                transactions.begin(self._account, order, _CARD, "deny", details=details)
                return
            details["approval_code"] = str(secrets.randbelow(900_000) + 100_000)
            held = "authorize" if order["authorize_only"] else "capture"
            review = "challenge" if card is CHALLENGED else "accept"
            transactions.begin(self._account, order, _CARD, held, details=details, fraud_status=review)

    def expire(self, token: str) -> None:
        """The time runs out: of the chosen method, or of a page on which none was chosen."""
        with self._account.atomic():
            order = self._open_order(token)
            chosen = self._chosen(order)
            if chosen:
                transactions.move(self._account, order, chosen, "expire")
            else:
                order["state"] = "expired"
                self._account.save_order(order)

    def expire_if_due(self, token: str) -> None:
        with self._account.atomic():
            transactions.expire_if_due(self._account, self._order(token))

    def _order(self, token: str) -> Document:
        order = self._account.order(token)
        if order is None:
            raise NotFound(f"no page {token!r}")
        return order

    def _open_order(self, token: str) -> Document:
        """Without closing a page that is due: NotPossible would undo that."""
        order = self._order(token)
        chosen = self._chosen(order)
        ends_at = chosen["expires_at"] if chosen else order["expires_at"]
        if order["state"] != "open" or ends_at <= self._account.now():
            raise NotPossible(f"the page is not open: it is {order['state']}")
        return order

    def _chosen(self, order: Document) -> Document | None:
        current = self._account.current(order)
        return current if current and current["transaction_status"] == "pending" else None

    def _check_enabled(self, order: Document, method: str) -> None:
        if method not in order["methods"]:
            raise NotPossible(f"the shop does not take {METHODS[method].name}")
