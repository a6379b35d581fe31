"""Midtrans' notifications in our terms."""

from typing import Any

from paylink.core.states import Evidence, Source, State
from paylink.providers.midtrans.mapping import (
    CHARGEBACKS,
    STATUSES,
    money_told,
    provider_status_of,
    state_of,
    status_of,
)
from paylink.providers.midtrans.money import from_midtrans_amount
from paylink.providers.midtrans.references import references_of
from paylink.providers.midtrans.refunds import refund_id_of
from paylink.providers.midtrans.signature import UNREADABLE, parse
from paylink.providers.payments import ATTEMPT, REFUND, ProviderEvent, Reference
from paylink.providers.port import UnreadableEvent

_REFUNDS = frozenset({"refund", "partial_refund"})


def map_event(raw_body: bytes) -> ProviderEvent:
    """
    Map one notification. An order id of another form is that of another system, or of the dashboard's test.

    Some bank transfers carry their transaction id as order id: that one may be known. Refunds and chargebacks are
    claims that the status has to show; a refusal, and what Midtrans does not document, only a reason to ask.

    Raises:
        UnreadableEvent: A field that must be there is not, or the status is none that Midtrans documents.
    """
    try:
        body = parse(raw_body)
        kind, references = status_of(body), references_of(body)
        if references[0].kind != ATTEMPT and body["order_id"] != body["transaction_id"]:
            return ProviderEvent(kind, (), None, foreign=True)
        if kind not in STATUSES:
            raise ValueError("an unknown status")
        amount = from_midtrans_amount(body["gross_amount"], body.get("currency"))
        evidence = _claim(body, amount.amount)
        return ProviderEvent(
            kind,
            (*references, *_refunds_named(body)),
            evidence=evidence,
            amount=amount,
            provider_status=provider_status_of(body),
            confirm=evidence is None or kind in _REFUNDS | CHARGEBACKS,
        )
    except UNREADABLE as exc:
        raise UnreadableEvent(type(exc).__name__) from exc


def _refunds_named(body: dict[str, Any]) -> list[Reference]:
    """After the order, which is signed: refunds are not."""
    named = [refund_id_of(refund.get("refund_key")) for refund in body.get("refunds") or ()]
    return [Reference(REFUND, str(refund_id)) for refund_id in dict.fromkeys(named) if refund_id is not None]


def _claim(body: dict[str, Any], captured: int) -> Evidence | None:
    """Return what a notice says; None where only the status can tell, as whether a refused payer may try again."""
    kind = status_of(body)
    if kind == "deny":
        return None
    try:
        if kind in _REFUNDS | CHARGEBACKS:
            return money_told(body, captured, Source.WEBHOOK)
        state = state_of(body)
    except (*UNREADABLE, UnreadableEvent):
        return None
    return Evidence(state, Source.WEBHOOK, captured=captured if state is State.PAID else None)
