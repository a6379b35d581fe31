"""Stripe's webhooks in our terms."""

import json
from typing import Any

from paylink.core.states import Evidence, Source, State
from paylink.providers.answers import word
from paylink.providers.payments import ProviderEvent
from paylink.providers.port import UnreadableEvent
from paylink.providers.stripe.mapping import ATTEMPT_METADATA, references
from paylink.providers.stripe.money import from_stripe_amount
from paylink.providers.stripe.refunds import refund_id_of


def map_event(raw_body: bytes) -> ProviderEvent:
    """
    Map one event.

    Refunds, disputes and a cancelled intent only hint at a change: their figures are snapshots of the past.

    Raises:
        UnreadableEvent: A field that must be there is not.
    """
    try:
        event = json.loads(raw_body)
        kind, thing = word(event["type"]), event["data"]["object"]
        family = kind.rpartition(".")[0]
        if family.startswith("checkout.session"):
            return _of_session(kind, thing)
        if family == "payment_intent":
            return _of_intent(kind, thing)
        if family in ("charge", "charge.refund", "refund", "charge.dispute"):
            return _of_charge(kind, family, thing)
        return ProviderEvent(kind, (), None, ignored="unknown_type")
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as exc:
        raise UnreadableEvent(type(exc).__name__) from exc


def _of_session(kind: str, session: dict[str, Any]) -> ProviderEvent:
    attempt = (session.get("metadata") or {}).get(ATTEMPT_METADATA)
    if attempt is None:
        return ProviderEvent(kind, (), None, foreign=True)
    amount = from_stripe_amount(session["amount_total"], session["currency"])
    paid = session["payment_status"] in ("paid", "no_payment_required")
    states = {
        "checkout.session.completed": State.PAID if paid else State.PENDING,
        "checkout.session.async_payment_succeeded": State.PAID,
        "checkout.session.async_payment_failed": State.FAILED,
        "checkout.session.expired": State.EXPIRED,
    }
    state = states.get(kind)
    captured = amount.amount if state is State.PAID else None
    return ProviderEvent(
        kind,
        references(attempt=attempt, session=session["id"], intent=session["payment_intent"]),
        evidence=Evidence(state, Source.WEBHOOK, captured=captured) if state else None,
        amount=amount,
        provider_status=f"{word(session['status'])}/{word(session['payment_status'])}",
        ignored=None if state else "unknown_type",
    )


def _of_intent(kind: str, intent: dict[str, Any]) -> ProviderEvent:
    attempt = (intent.get("metadata") or {}).get(ATTEMPT_METADATA)
    if attempt is None:
        return ProviderEvent(kind, (), None, foreign=True)
    evidence = None
    if kind == "payment_intent.succeeded":
        captured = from_stripe_amount(intent["amount_received"], intent["currency"]).amount
        evidence = Evidence(State.PAID, Source.WEBHOOK, captured=captured)
    elif kind == "payment_intent.amount_capturable_updated":
        evidence = Evidence(State.AUTHORIZED, Source.WEBHOOK)
    confirm = kind == "payment_intent.canceled"
    refused = kind == "payment_intent.payment_failed"
    return ProviderEvent(
        kind,
        references(attempt=attempt, intent=intent["id"]),
        evidence,
        amount=from_stripe_amount(intent["amount"], intent["currency"]),
        provider_status=word(intent["status"]),
        confirm=confirm,
        ignored=None if evidence or confirm else ("payer_may_retry" if refused else "unknown_type"),
    )


def _of_charge(kind: str, family: str, thing: dict[str, Any]) -> ProviderEvent:
    """A charge, or a refund or dispute, both of which name their charge and intent."""
    charge = thing["id"] if family == "charge" else thing["charge"]
    hint = family != "charge" or kind == "charge.refunded"
    refund = refund_id_of(thing) if family in ("refund", "charge.refund") else None
    return ProviderEvent(
        kind,
        references(refund=refund and str(refund), intent=thing.get("payment_intent"), charge=charge),
        None,
        provider_status=word(thing.get("status", "-")),
        confirm=hint,
        ignored=None if hint else "no_new_facts",
    )
