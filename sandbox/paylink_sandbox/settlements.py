"""
What a provider tells of the money that moved on the merchant's balance, and what an operator can make wrong with it.

A change here is one of what is told, not of what happened: the ledger and the provider's other answers stay the same.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from flask import Blueprint, Response, jsonify, request

from paylink_sandbox.errors import NotFound, SandboxError
from paylink_sandbox.money import Amount

FIGURES = ("amount", "fee", "net")


@dataclass(frozen=True)
class Row:
    """
    One movement. `type` is the provider's word, `reference` the merchant's order id. `amount`, `fee` and `net` are
    signed, in the provider's units: what came in is positive.
    """

    id: str
    type: str
    reference: str | None
    amount: Amount
    fee: int
    net: int


class Settlements(Protocol):
    """A provider's rows. Each method is one transaction."""

    def rows(self) -> list[Row]:
        """All of them, newest first."""

    def drop(self, row_id: str) -> None:
        """Tell a row no more. Raises NotFound."""

    def repeat(self, row_id: str) -> str:
        """Tell a row again, now, under another id, which is returned. Raises NotFound."""

    def change(self, row_id: str, figures: Mapping[str, int], currency: str | None) -> None:
        """Tell other figures, each as in Row, or another currency with the same numbers. Raises NotFound."""

    def add(self, units: int, currency: str) -> str:
        """
        Tell a payment that another system took on the account; returns the row's id.

        Raises SandboxError for a currency that the provider does not have.
        """

    def pay_out(self) -> str:
        """Pay out what can be; returns the payout's id. Raises NotPossible when there is nothing."""


def settlement_routes(settlements: Mapping[str, Settlements]) -> Blueprint:
    """The control API's part for settlements: see docs/sandbox.md."""
    routes = Blueprint("settlements", __name__)

    def of(slug: str) -> Settlements:
        if slug not in settlements:
            raise NotFound(f"no provider {slug!r} here; there are: {', '.join(settlements)}")
        return settlements[slug]

    @routes.get("/_sandbox/<slug>/settlements")
    def listed(slug: str) -> Response:
        reference = request.args.get("reference")
        rows = [row for row in of(slug).rows() if reference is None or row.reference == reference]
        return jsonify(settlements=[_json(row) for row in rows])

    @routes.post("/_sandbox/<slug>/settlements")
    def add(slug: str) -> Response:
        given = _given("amount", "currency")
        units, currency = _whole(given, "amount"), _currency(given)
        if units is None or units <= 0 or currency is None:
            raise SandboxError("a payment of another system needs an amount, in the provider's units, and a currency")
        return jsonify(id=of(slug).add(units, currency))

    @routes.post("/_sandbox/<slug>/settlements/<row_id>/drop")
    def drop(slug: str, row_id: str) -> Response:
        of(slug).drop(row_id)
        return jsonify(id=row_id)

    @routes.post("/_sandbox/<slug>/settlements/<row_id>/repeat")
    def repeat(slug: str, row_id: str) -> Response:
        return jsonify(id=of(slug).repeat(row_id))

    @routes.post("/_sandbox/<slug>/settlements/<row_id>/change")
    def change(slug: str, row_id: str) -> Response:
        given = _given(*FIGURES, "currency")
        figures = {name: value for name in FIGURES if (value := _whole(given, name)) is not None}
        currency = _currency(given)
        if not figures and currency is None:
            raise SandboxError(f"name what to change: {', '.join(FIGURES)} or currency")
        of(slug).change(row_id, figures, currency)
        return jsonify(id=row_id)

    @routes.post("/_sandbox/<slug>/payouts")
    def pay_out(slug: str) -> Response:
        return jsonify(id=of(slug).pay_out())

    return routes


def changed(row: Row, figures: Mapping[str, int]) -> tuple[int, int, int]:
    """Return amount, fee and net of a row with other figures; the net follows the others unless it is named too."""
    amount, fee = figures.get("amount", row.amount.units), figures.get("fee", row.fee)
    kept = row.net if not figures else amount - fee
    return amount, fee, figures.get("net", kept)


def _given(*names: str) -> Mapping[str, Any]:
    given = request.get_json(force=True, silent=True)
    if not isinstance(given, dict) or given.keys() - set(names):
        raise SandboxError(f"the body must be a JSON object of: {', '.join(names)}")
    return given


def _whole(given: Mapping[str, Any], name: str) -> int | None:
    value = given.get(name)
    if value is not None and (not isinstance(value, int) or isinstance(value, bool) or abs(value) >= 10**15):
        raise SandboxError(f"{name} must be an integer in the provider's own units")
    return value


def _currency(given: Mapping[str, Any]) -> str | None:
    value = given.get("currency")
    if value is not None and not (isinstance(value, str) and len(value) == 3 and value.isascii() and value.isupper()):
        raise SandboxError("currency must be three upper-case letters")
    return value


def _json(row: Row) -> dict[str, object]:
    return {
        "id": row.id,
        "type": row.type,
        "reference": row.reference,
        "amount": row.amount.units,
        "fee": row.fee,
        "net": row.net,
        "exponent": row.amount.exponent,
        "currency": row.amount.currency,
    }
