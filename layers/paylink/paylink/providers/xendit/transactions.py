"""Xendit's transactions put into settlement lines. Pure."""

import re
from typing import Any

from paylink.providers.answers import word
from paylink.providers.payments import Reference
from paylink.providers.settlements import BY_A_PAYER, REFUND_REFERENCE, LineKind, SettlementLine
from paylink.providers.xendit.mapping import PAYMENT, attempt_in, references, time_of
from paylink.providers.xendit.money import from_xendit_amount

_KINDS = {
    "PAYMENT": LineKind.PAYMENT,
    "REFUND": LineKind.REFUND,
    "CHARGEBACK": LineKind.CHARGEBACK,
    "WITHDRAWAL": LineKind.PAYOUT,
}
"""By `type`. Transfers, top-ups, corrections and what is new are adjustments: money that moved."""

_SIGNS = {"MONEY_IN": 1, "MONEY_OUT": -1}
_FEES = ("xendit_fee", "value_added_tax")
_WITHHELD = ("xendit_withholding_tax", "third_party_withholding_tax")
_SETTLED = frozenset({"SETTLED", "EARLY_SETTLED", None})
"""None: money that is not settled later, since it has left or come at once."""

_STATUSES = frozenset({"PENDING", "SUCCESS", "FAILED", "VOIDED", "REVERSED"})
_PREFIX = re.compile(r"[a-z]{2,8}_", re.ASCII)
_REFUND_ID = re.compile(r"rfd[-_]", re.ASCII)


def has_moved_money(row: dict[str, Any]) -> bool:
    """
    Raises:
        LookupError, ValueError: Its status is none that Xendit documents.
    """
    if row["status"] not in _STATUSES:
        raise ValueError("an unknown status")
    return bool(row["status"] == "SUCCESS")


def line_of(row: dict[str, Any]) -> SettlementLine:
    """
    Map a transaction that has moved money.

    Raises:
        LookupError, ValueError, TypeError, AttributeError: A field is not there, or not what Xendit sends.
    """
    kind, currency = _KINDS.get(word(row["type"]), LineKind.ADJUSTMENT), row["currency"]
    sign = _SIGNS[row["cashflow"]]
    amount = sign * from_xendit_amount(row["amount"], currency).amount
    net = sign * from_xendit_amount(row["net_amount"], currency).amount
    return SettlementLine(
        line_id=word(row["id"]),
        kind=kind,
        references=_references_of(row, kind),
        amount=amount,
        currency=currency,
        fee=_fee_of(row["fee"], currency, amount - net),
        net=net,
        paid_amount=amount if kind in BY_A_PAYER else None,
        paid_currency=currency if kind in BY_A_PAYER else None,
        occurred_at=time_of(row["created"]),
        settled=row.get("settlement_status") in _SETTLED,
        payout=None,
    )


def _fee_of(told: dict[str, Any], currency: str, missing: int) -> int:
    """
    Return the fee with its taxes; `missing` is what the net amount has less than the gross.

    Whether the net amount is without the taxes withheld, and whether what goes out has its fee on top or taken off, is
    not documented: the reading that fits is taken. Where none fits the figures differ, and the first is told.
    """
    own = sum(_part(told, name, currency) for name in _FEES)
    withheld = sum(_part(told, name, currency) for name in _WITHHELD)
    readings = (own + withheld, own, -(own + withheld), -own)
    return missing if missing in readings else readings[0]


def _part(told: dict[str, Any], name: str, currency: str) -> int:
    part = told.get(name)
    return 0 if part is None else from_xendit_amount(part, currency).amount


def _references_of(row: dict[str, Any], kind: LineKind) -> tuple[Reference, ...]:
    """`product_id` is the payment's id, or the refund's, sometimes with a prefix."""
    if kind not in BY_A_PAYER:
        return ()
    invoice = (row.get("product_data") or {}).get("payment_link_id")
    names = references(attempt=attempt_in(row.get("reference_id")), invoice=invoice)
    product = row.get("product_id")
    if product is None:
        return names
    if _REFUND_ID.match(word(product)):
        return (*names, Reference(REFUND_REFERENCE, product))
    told = dict.fromkeys((_PREFIX.sub("", product, count=1), product))
    return (*names, *(Reference(PAYMENT, payment) for payment in told if payment))
