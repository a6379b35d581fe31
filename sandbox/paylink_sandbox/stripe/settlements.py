"""Balance transactions as the operator sees them, and makes them wrong."""

from collections.abc import Mapping

from paylink_sandbox.documents import Document
from paylink_sandbox.errors import NotFound
from paylink_sandbox.settlements import Row, changed
from paylink_sandbox.stripe import balance
from paylink_sandbox.stripe.account import Account
from paylink_sandbox.stripe.amounts import amount
from paylink_sandbox.stripe.objects import CARD, new_charge

_KIND = "balance_transaction"


class StripeSettlements:
    """Implements Settlements."""

    def __init__(self, account: Account) -> None:
        self._account = account

    def rows(self) -> list[Row]:
        with self._account.transaction():
            sessions = {s["payment_intent"]: s["client_reference_id"] for s in self._account.all_of("checkout.session")}
            sources = {
                thing["id"]: sessions.get(thing["payment_intent"])
                for kind in ("charge", "refund", "dispute")
                for thing in self._account.all_of(kind)
            }
            return [_row(movement, sources.get(movement["source"])) for movement in self._account.all_of(_KIND)]

    def drop(self, row_id: str) -> None:
        with self._account.transaction():
            if not self._account.forget(_KIND, row_id):
                raise NotFound(f"no balance transaction {row_id!r}")

    def repeat(self, row_id: str) -> str:
        with self._account.transaction():
            now = self._account.now()
            again = {**self._movement(row_id), "id": self._account.new_id("txn_3"), "created": now}
            self._account.add(again)
            return str(again["id"])

    def change(self, row_id: str, figures: Mapping[str, int], currency: str | None) -> None:
        with self._account.transaction():
            movement = self._movement(row_id)
            units, fee, net = changed(_row(movement, None), figures)
            code = movement["currency"] if currency is None else currency.lower()
            details = [{**detail, "amount": fee, "currency": code} for detail in movement["fee_details"]]
            told = {"amount": units, "fee": fee, "net": net, "currency": code, "fee_details": details}
            self._account.save({**movement, **told})

    def add(self, units: int, currency: str) -> str:
        with self._account.transaction():
            account = self._account
            intent = _foreign_intent(account, units, currency)
            charge = account.add(new_charge(account, intent, CARD, "succeeded", captured=True))
            charge["balance_transaction"] = balance.add_charge_movement(account, charge, units)
            account.save(charge)
            return str(charge["balance_transaction"])

    def pay_out(self) -> str:
        with self._account.transaction():
            return str(balance.pay_out(self._account)["id"])

    def _movement(self, row_id: str) -> Document:
        movement = self._account.find(_KIND, row_id)
        if movement is None:
            raise NotFound(f"no balance transaction {row_id!r}")
        return movement


def _row(movement: Document, reference: str | None) -> Row:
    return Row(
        id=movement["id"],
        type=movement["reporting_category"],
        reference=reference,
        amount=amount(movement["amount"], movement["currency"]),
        fee=movement["fee"],
        net=movement["net"],
    )


def _foreign_intent(account: Account, units: int, currency: str) -> Document:
    """What a charge takes from its intent. The intent itself is the other system's affair, and not kept."""
    return {
        "id": account.new_id("pi_3"),
        "amount": units,
        "currency": currency.lower(),
        "description": "An order of another system",
        "metadata": {},
        "receipt_email": None,
        "statement_descriptor": None,
        "statement_descriptor_suffix": None,
    }
