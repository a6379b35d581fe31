"""Stripe's objects put into our terms. Pure: no I/O, no clock."""

from datetime import UTC, datetime
from typing import Any

from paylink.core.money import Money
from paylink.core.states import Dispute, Evidence, Source, State
from paylink.providers.answers import word
from paylink.providers.payments import ATTEMPT, REFUND, Item, Payment, PaymentRequest, Reference
from paylink.providers.port import PaymentMethod, UnreadableEvent
from paylink.providers.stripe.form import FormValue
from paylink.providers.stripe.money import from_stripe_amount, from_stripe_refunded, to_stripe_amount
from paylink.providers.stripe.refunds import given_back, own_refunds

SESSION = "checkout_session"
INTENT = "payment_intent"
CHARGE = "charge"
ATTEMPT_METADATA = "paylink_attempt"
METHODS = {PaymentMethod.CARD: "card"}
"""Stripe's other types are no kin of ours, or ask for more than a checkout holds."""

_OPEN_DISPUTE = frozenset({"needs_response", "under_review", "appeal_needs_response", "appeal_under_review"})


def session_fields(request: PaymentRequest) -> dict[str, FormValue]:
    """Return the fields of `POST /v1/checkout/sessions`, without those that API versions disagree on (ui_mode)."""
    metadata: dict[str, FormValue] = {
        **request.metadata,
        ATTEMPT_METADATA: str(request.attempt_id),
        "paylink_transaction": str(request.transaction_id),
    }
    currency = request.amount.currency
    whole = Item(request.description or request.order_reference, 1, request.amount.amount)
    return {
        "mode": "payment",
        "line_items": [_line_item(item, currency) for item in request.items or [whole]],
        # The pinned version has this parameter, and newer ones have it not: sent only where the order asks for it.
        "payment_method_types": [METHODS[m] for m in request.payment_methods if m in METHODS],
        "client_reference_id": request.order_reference,
        "metadata": metadata,
        "payment_intent_data": {
            "metadata": metadata,
            "description": request.description,
            "capture_method": "manual" if request.manual_capture else None,
        },
        "customer_email": request.customer_email,
        "expires_at": int(request.expires_at.timestamp()),
        "success_url": request.success_url,
        "cancel_url": request.failure_url,
    }


def _line_item(item: Item, currency: str) -> FormValue:
    return {
        "price_data": {
            "currency": currency.lower(),
            "unit_amount": to_stripe_amount(Money(item.unit_amount, currency)),
            "product_data": {"name": item.name},
        },
        "quantity": item.quantity,
    }


def payment_of_session(
    session: dict[str, Any], disputes: list[dict[str, Any]], refunds: list[dict[str, Any]]
) -> Payment:
    """
    Map a session that was read with `expand[]=payment_intent.latest_charge`, and the charge's disputes and refunds.

    Raises:
        UnreadableEvent: A field that must be there is not, or a status is none that Stripe documents.
    """
    try:
        intent, charge = intent_of(session), charge_of(session)
        given, listed = given_back(charge, refunds)
        evidence = _session_evidence(session, intent, charge, disputes, given)
        return Payment(
            references=_session_references(session),
            evidence=evidence,
            amount=from_stripe_amount(session["amount_total"], session["currency"]),
            provider_status=f"{word(session['status'])}/{word(session['payment_status'])}",
            checkout_url=session.get("url"),
            expires_at=datetime.fromtimestamp(session["expires_at"], UTC),
            refunds=None if evidence.refunded is None else own_refunds(listed, given),
        )
    except (KeyError, TypeError, ValueError, OverflowError, OSError) as exc:
        raise UnreadableEvent(f"checkout session: {exc}") from exc


def intent_of(session: dict[str, Any]) -> dict[str, Any]:
    """Return the payment intent of a session, empty where there is none yet."""
    intent = session["payment_intent"]
    return intent if isinstance(intent, dict) else {}


def charge_of(session: dict[str, Any]) -> dict[str, Any]:
    """Return the newest charge of a session, empty where there is none yet."""
    charge = intent_of(session).get("latest_charge")
    return charge if isinstance(charge, dict) else {}


def _session_evidence(
    session: dict[str, Any], intent: dict[str, Any], charge: dict[str, Any], disputes: list[dict[str, Any]], given: int
) -> Evidence:
    status, payment_status = session["status"], session["payment_status"]
    if status == "open":
        return Evidence(State.PENDING, Source.PULL)
    if status == "expired":
        return Evidence(State.EXPIRED, Source.PULL)
    if status != "complete":
        raise UnreadableEvent(f"checkout session: unknown status {str(status)[:40]!r}")
    # Whether a session that is captured later then says `paid` is not documented; its intent does in any case.
    if payment_status in ("paid", "no_payment_required") or intent.get("status") == "succeeded":
        return _paid_evidence(session, charge, disputes, given)
    return Evidence(_unpaid_state(intent.get("status")), Source.PULL)


def _unpaid_state(intent_status: object) -> State:
    match intent_status:
        case "requires_capture":
            return State.AUTHORIZED
        case "requires_payment_method":
            return State.FAILED
        case "canceled":
            return State.CANCELLED
        case _:
            return State.PENDING


def _paid_evidence(
    session: dict[str, Any], charge: dict[str, Any], disputes: list[dict[str, Any]], given: int
) -> Evidence:
    currency = session["currency"]
    captured = charge.get("amount_captured", session["amount_total"])
    dispute = _dispute(disputes)
    return Evidence(
        State.PAID,
        Source.PULL,
        captured=from_stripe_amount(captured, currency).amount,
        refunded=from_stripe_refunded(given, currency),
        dispute=dispute,
        no_dispute=dispute is None,
    )


def _dispute(disputes: list[dict[str, Any]]) -> Dispute | None:
    """`warning_*` is an inquiry, won and prevented are over: in none of them is money held."""
    statuses = {d["status"] for d in disputes}
    if "lost" in statuses:
        return Dispute.LOST
    return Dispute.OPEN if statuses & _OPEN_DISPUTE else None


def _session_references(session: dict[str, Any]) -> tuple[Reference, ...]:
    intent = session.get("payment_intent")
    charge = intent.get("latest_charge") if isinstance(intent, dict) else None
    return references(
        attempt=(session.get("metadata") or {}).get(ATTEMPT_METADATA),
        session=session["id"],
        intent=intent,
        charge=charge,
    )


def references(
    *,
    refund: object = None,
    attempt: object = None,
    session: object = None,
    intent: object = None,
    charge: object = None,
) -> tuple[Reference, ...]:
    """
    Return what is there as references, the surest first. An expanded object stands for its id.

    Raises:
        ValueError: One is no identifier.
    """
    found = []
    named = ((REFUND, refund), (ATTEMPT, attempt), (SESSION, session), (INTENT, intent), (CHARGE, charge))
    for kind, value in named:
        identifier = value["id"] if isinstance(value, dict) else value
        if identifier is not None:
            found.append(Reference(kind, word(identifier)))
    return tuple(found)
