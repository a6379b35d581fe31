"""Stripe's balance transactions put into our terms. Pure."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from paylink.providers.answers import word
from paylink.providers.payments import Reference
from paylink.providers.settlements import BY_A_PAYER, REFUND_REFERENCE, LineKind, SettlementLine
from paylink.providers.stripe.mapping import ATTEMPT_METADATA, references
from paylink.providers.stripe.money import from_stripe_movement, from_stripe_signed
from paylink.providers.stripe.refunds import refund_id_of

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_KINDS = {
    **dict.fromkeys(("charge", "payment"), LineKind.PAYMENT),
    **dict.fromkeys(("refund", "payment_refund", "refund_failure", "payment_refund_failure"), LineKind.REFUND),
    **dict.fromkeys(("payout", "payout_failure", "payout_cancel"), LineKind.PAYOUT),
    **dict.fromkeys(("stripe_fee", "tax_fee", "network_cost"), LineKind.FEE),
}
"""By `type`. Those beyond Stripe's documented ones, and those that are new, are adjustments: money that moved."""

_CHARGEBACKS = frozenset({"dispute", "dispute_reversal"})
"""By `reporting_category`; the type of both is `adjustment`."""

_PAID = {"charge": "amount_captured", "refund": "amount", "dispute": "amount"}
"""Where an object tells what the payer paid or got back."""


def line_of(movement: dict[str, Any], payout: str | None) -> SettlementLine:
    """
    Map a balance transaction that was read with `expand[]=data.source`; `payout` is the one that it was listed by.

    Raises:
        LookupError, ValueError, TypeError: A field is not there, or not what Stripe sends.
    """
    kind = _kind_of(movement)
    source = movement["source"] if isinstance(movement["source"], dict) else {}
    amount, fee, net = from_stripe_movement(movement["amount"], movement["fee"], movement["net"], movement["currency"])
    currency = str(movement["currency"]).upper()
    paid_amount, paid_currency = _paid(movement, source, amount, currency) if kind in BY_A_PAYER else (None, None)
    if kind is LineKind.PAYOUT and source.get("object") == "payout":
        payout = word(source["id"])
    return SettlementLine(
        line_id=word(movement["id"]),
        kind=kind,
        references=_references_of(source),
        amount=amount,
        currency=currency,
        fee=fee,
        net=net,
        paid_amount=paid_amount,
        paid_currency=paid_currency,
        occurred_at=_EPOCH + timedelta(seconds=movement["created"]),
        settled=movement["status"] == "available" or payout is not None,
        payout=payout,
    )


def _kind_of(movement: dict[str, Any]) -> LineKind:
    if movement["type"] == "adjustment" and movement.get("reporting_category") in _CHARGEBACKS:
        return LineKind.CHARGEBACK
    return _KINDS.get(word(movement["type"]), LineKind.ADJUSTMENT)


def _paid(
    movement: dict[str, Any], source: dict[str, Any], amount: int, currency: str
) -> tuple[int | None, str | None]:
    """
    Without a conversion the line itself tells it. With one only the charge, refund or dispute does, whose amount has no
    sign.
    """
    if movement.get("exchange_rate") is None:
        return amount, currency
    field = _PAID.get(str(source.get("object")))
    if field is None or source.get(field) is None:
        return None, None
    paid = from_stripe_signed(source[field] if amount >= 0 else -source[field], source["currency"])
    return paid, str(source["currency"]).upper()


def _references_of(source: dict[str, Any]) -> tuple[Reference, ...]:
    match source.get("object"):
        case "charge":
            return references(attempt=_attempt_of(source), intent=source.get("payment_intent"), charge=source["id"])
        case "refund":
            names = references(
                refund=_text(refund_id_of(source)), intent=source.get("payment_intent"), charge=source.get("charge")
            )
            return (*names, Reference(REFUND_REFERENCE, word(source["id"])))
        case "dispute":
            return references(intent=source.get("payment_intent"), charge=source.get("charge"))
    return ()


def _attempt_of(charge: dict[str, Any]) -> str | None:
    """A charge has the metadata of its intent. What others may have written there holds nothing up."""
    told = (charge.get("metadata") or {}).get(ATTEMPT_METADATA)
    try:
        return told if isinstance(told, str) and str(UUID(told)) == told else None
    except ValueError:
        return None


def _text(value: object) -> str | None:
    return None if value is None else str(value)
