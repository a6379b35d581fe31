"""Xendit's webhooks in our terms."""

from typing import Any

from paylink.core.states import Dispute, Evidence, Source, State
from paylink.providers.answers import word
from paylink.providers.payments import ProviderEvent
from paylink.providers.port import UnreadableEvent
from paylink.providers.xendit.mapping import (
    ATTEMPT_METADATA,
    STATES,
    attempt_in,
    captured_of,
    external_id_of,
    references,
)
from paylink.providers.xendit.money import from_xendit_amount
from paylink.providers.xendit.refunds import refund_id_of
from paylink.providers.xendit.signature import UNREADABLE, parse


def map_event(raw_body: bytes) -> ProviderEvent:
    """
    Map one event. Refunds and disputes only hint at a change: the provider is asked for the whole picture.

    Raises:
        UnreadableEvent: A field that must be there is not, or a status is none that Xendit documents.
    """
    try:
        body = parse(raw_body)
        if "event" not in body:
            return _of_invoice(body)
        kind = word(body["event"])
        if kind.startswith("refund."):
            return _of_refund(kind, body["data"])
        if kind.startswith("dispute."):
            return _of_dispute(kind, body)
        return ProviderEvent(kind, (), None, ignored="unknown_type")
    except UNREADABLE as exc:
        raise UnreadableEvent(type(exc).__name__) from exc


def _of_invoice(invoice: dict[str, Any]) -> ProviderEvent:
    """Invoice events have no name of their own, only the invoice's status."""
    status = word(invoice["status"])
    kind = f"invoice.{status.lower()}"
    attempt = attempt_in(invoice["external_id"])
    if attempt is None:
        return ProviderEvent(kind, (), None, foreign=True)
    state = STATES[status]
    captured = captured_of(invoice) if state is State.PAID else None
    return ProviderEvent(
        kind,
        references(attempt=attempt, invoice=invoice["id"], payment=invoice.get("payment_id")),
        evidence=Evidence(state, Source.WEBHOOK, captured=captured),
        amount=from_xendit_amount(invoice["amount"], invoice["currency"]),
        provider_status=status,
    )


def _of_refund(kind: str, refund: dict[str, Any]) -> ProviderEvent:
    attempt = (refund.get("metadata") or {}).get(ATTEMPT_METADATA)
    named = references(
        refund=refund_id_of(refund),
        attempt=attempt_in(external_id_of(attempt)),
        invoice=refund.get("invoice_id"),
        payment=refund.get("payment_id"),
    )
    status = word(refund["status"])
    if not named:
        return ProviderEvent(kind, (), None, provider_status=status, ignored="names_no_payment")
    claim = None
    if status == "SUCCEEDED" and refund.get("amount") is not None:
        given = from_xendit_amount(refund["amount"], refund["currency"])
        claim = Evidence(State.PAID, Source.WEBHOOK, refunded=given.amount)
    return ProviderEvent(kind, named, claim, provider_status=status, confirm=True)


def _of_dispute(kind: str, dispute: dict[str, Any]) -> ProviderEvent:
    named = references(attempt=attempt_in(dispute.get("reference_id")), payment=dispute.get("payment_id"))
    status = word(dispute["status"])
    if not named:
        return ProviderEvent(kind, (), None, provider_status=status, ignored="names_no_payment")
    opened = kind == "dispute.action_required"
    claim = Evidence(State.PAID, Source.WEBHOOK, dispute=Dispute.OPEN) if opened else None
    return ProviderEvent(kind, named, claim, provider_status=status, confirm=True)
