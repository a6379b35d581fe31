"""Xendit's webhooks: the token check, and each event in our terms."""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import paycrypto
from paylink.core.states import Dispute, Evidence, Source, State
from paylink.providers.answers import word
from paylink.providers.port import Assurance, Credential, ProviderEvent, UnreadableEvent, Verified, WebhookRefused
from paylink.providers.xendit.mapping import (
    ATTEMPT_METADATA,
    STATES,
    attempt_in,
    captured_of,
    external_id_of,
    references,
)
from paylink.providers.xendit.money import from_xendit_amount
from paylink.providers.xendit.settings import CALLBACK_TOKEN

# Without a colon: no such id can be one of those that are made up here.
_EVENT_ID = re.compile(r"[A-Za-z0-9_.-]{1,255}\Z", re.ASCII)
_UNREADABLE = (LookupError, TypeError, AttributeError, ValueError, ArithmeticError, RecursionError)


def verify(raw_body: bytes, headers: Mapping[str, str], credentials: Sequence[Credential]) -> Verified:
    """
    Compare `x-callback-token` with each live token. It is a password of the sender and covers no byte of the body.

    Raises:
        WebhookRefused: `malformed` without a token, `no_match`, or `unreadable`: nothing to know the event again by.
    """
    tokens = [c for c in credentials if c.field == CALLBACK_TOKEN.name]
    try:
        matched = paycrypto.verify_token(
            headers.get("x-callback-token", ""), [token.secret.reveal().encode() for token in tokens]
        )
    except paycrypto.InvalidSignature as exc:
        raise WebhookRefused(exc.reason) from exc
    return Verified(_event_id(raw_body, headers.get("webhook-id", "")), tokens[matched].id, Assurance.SENDER)


def _event_id(raw_body: bytes, webhook_id: str) -> str:
    """
    Return Xendit's id of the event, the same in each try; without one, what makes the event differ from others.

    A body that was lost or damaged on its way is refused, whatever the headers say: Xendit sends it again.
    """
    try:
        body = _parse(raw_body)
        return webhook_id if _EVENT_ID.match(webhook_id) else word(_derived_id(body, raw_body))
    except _UNREADABLE as exc:
        raise WebhookRefused("unreadable") from exc


def _derived_id(body: dict[str, Any], raw_body: bytes) -> str:
    if "event" not in body:
        return f"invoice:{word(body['id'])}:{word(body['status'])}"
    kind = word(body["event"])
    if kind.startswith("refund."):
        return f"refund:{word(body['data']['id'])}:{word(body['data']['status'])}"
    if kind.startswith("dispute."):
        return f"dispute:{word(body['id'])}:{kind}:{word(body['updated'])}"
    return f"{kind}:{hashlib.sha256(raw_body).hexdigest()}"


def map_event(raw_body: bytes) -> ProviderEvent:
    """
    Map one event. Refunds and disputes only hint at a change: the provider is asked for the whole picture.

    Raises:
        UnreadableEvent: A field that must be there is not, or a status is none that Xendit documents.
    """
    try:
        body = _parse(raw_body)
        if "event" not in body:
            return _of_invoice(body)
        kind = word(body["event"])
        if kind.startswith("refund."):
            return _of_refund(kind, body["data"])
        if kind.startswith("dispute."):
            return _of_dispute(kind, body)
        return ProviderEvent(kind, (), None, ignored="unknown_type")
    except _UNREADABLE as exc:
        raise UnreadableEvent(type(exc).__name__) from exc


def _parse(raw_body: bytes) -> dict[str, Any]:
    body = json.loads(raw_body, parse_float=Decimal)
    if not isinstance(body, dict):
        raise TypeError("not an object")
    return body


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
