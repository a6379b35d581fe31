"""Stripe's events in our terms, and the published signature vectors through the adapter."""

import json
import uuid
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paylink.core.money import Money
from paylink.core.secret import Secret
from paylink.core.states import State
from paylink.providers.payments import ATTEMPT, ProviderEvent, Reference
from paylink.providers.port import Assurance, Credential, UnreadableEvent, WebhookRefused
from paylink.providers.stripe.signature import verify
from paylink.providers.stripe.webhook import map_event

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SECRET = "whsec_test_0123456789abcdef0123456789abcdef"
OLD_SECRET = "whsec_old_ffffffffffffffffffffffffffffffff"
BODY = b'{"id":"evt_1PayLinkTest000001","object":"event","type":"checkout.session.completed"}'
V1 = "a28c1e6e6d9fd8e88e4db2df4cc643581e64738a22568554119773a07c2682ea"
OLD_V1 = "55b2de68ce3df3f91feb82973bfa28343dd7558cc0e93e4c8f660ca798ca4c75"


def credential(secret: str) -> Credential:
    return Credential(uuid.uuid4(), "webhook_secret", Secret(secret))


def header(*tags: str) -> dict[str, str]:
    return {"stripe-signature": ",".join(["t=1767225600", *(f"v1={tag}" for tag in tags)])}


def test_the_published_vector_verifies():
    live = credential(SECRET)
    verified = verify(BODY, header(V1), [live], NOW)
    assert (verified.event_id, verified.credential_id) == ("evt_1PayLinkTest000001", live.id)
    assert verified.assurance is Assurance.BODY


@pytest.mark.parametrize(
    ("body", "tag"),
    [
        (BODY, "c91d91cfd0dce7a69777269b68f4b9ce56bec58effe97351d5934070a6a660d2"),
        (BODY, "6eaa76d05714d3f2a990069e33106eb67998b4f14b481dcc14a38f67aae936fb"),
        (BODY + b"\n", V1),
        (BODY, V1.upper()),
        (BODY, ""),
    ],
    ids=["secret-without-prefix", "body-with-newline", "newline-added", "upper-case", "empty"],
)
def test_the_published_wrong_values_are_refused(body: bytes, tag: str):
    with pytest.raises(WebhookRefused):
        verify(body, header(tag), [credential(SECRET)], NOW)


def test_a_rolled_secret_verifies_by_either_value_and_says_which():
    new, old = credential(SECRET), credential(OLD_SECRET)
    assert verify(BODY, header(OLD_V1, V1), [new], NOW).credential_id == new.id
    assert verify(BODY, header(OLD_V1), [new, old], NOW).credential_id == old.id


def test_credentials_of_other_fields_never_verify():
    key = Credential(uuid.uuid4(), "secret_key", Secret(SECRET))
    with pytest.raises(WebhookRefused):
        verify(BODY, header(V1), [key], NOW)


SESSION: dict[str, Any] = {
    "id": "cs_test_a1",
    "object": "checkout.session",
    "status": "complete",
    "payment_status": "paid",
    "amount_total": 15_000_000,
    "currency": "idr",
    "payment_intent": "pi_1",
    "metadata": {"paylink_attempt": "0b1e"},
}
INTENT: dict[str, Any] = {
    "id": "pi_1",
    "status": "succeeded",
    "amount": 15_000_000,
    "amount_received": 15_000_000,
    "currency": "idr",
    "metadata": {"paylink_attempt": "0b1e"},
}


def event(kind: str, thing: dict[str, Any], **changes: Any) -> ProviderEvent:
    return map_event(json.dumps({"id": "evt_1", "type": kind, "data": {"object": thing | changes}}).encode())


def test_a_completed_and_paid_session_is_paid():
    told = event("checkout.session.completed", SESSION)
    assert told.evidence is not None
    assert (told.evidence.state, told.evidence.captured) == (State.PAID, 150_000)
    assert told.amount == Money(150_000, "IDR")
    assert told.references == (
        Reference(ATTEMPT, "0b1e"),
        Reference("checkout_session", "cs_test_a1"),
        Reference("payment_intent", "pi_1"),
    )


@pytest.mark.parametrize(
    ("kind", "thing", "changes", "state"),
    [
        ("checkout.session.completed", SESSION, {"payment_status": "unpaid"}, State.PENDING),
        ("checkout.session.async_payment_succeeded", SESSION, {}, State.PAID),
        ("checkout.session.async_payment_failed", SESSION, {"payment_status": "unpaid"}, State.FAILED),
        ("checkout.session.expired", SESSION, {"status": "expired", "payment_intent": None}, State.EXPIRED),
        ("payment_intent.succeeded", INTENT, {}, State.PAID),
        ("payment_intent.amount_capturable_updated", INTENT, {"status": "requires_capture"}, State.AUTHORIZED),
    ],
)
def test_each_event_claims_its_state(kind: str, thing: dict[str, Any], changes: dict[str, Any], state: State):
    told = event(kind, thing, **changes)
    assert told.evidence is not None
    assert told.evidence.state is state
    assert (told.confirm, told.ignored, told.foreign) == (False, None, False)


@pytest.mark.parametrize(
    "kind",
    ["charge.refunded", "refund.created", "refund.failed", "charge.refund.updated", "charge.dispute.closed"],
)
def test_refunds_and_disputes_only_hint_at_a_change(kind: str):
    told = event(kind, {"id": "x_1", "charge": "ch_1", "payment_intent": "pi_1", "status": "succeeded"})
    assert (told.evidence, told.confirm, told.ignored) == (None, True, None)
    assert Reference("payment_intent", "pi_1") in told.references


def test_a_cancelled_intent_may_be_that_of_an_expired_session():
    assert event("payment_intent.canceled", INTENT, status="canceled").confirm


def test_a_failed_try_is_not_a_failed_payment():
    told = event("payment_intent.payment_failed", INTENT, status="requires_payment_method")
    assert (told.evidence, told.ignored) == (None, "payer_may_retry")


@pytest.mark.parametrize("kind", ["customer.created", "checkout.session.new_thing", "payment_intent.new", "x"])
def test_an_unknown_type_is_ignored_with_a_reason(kind: str):
    thing = SESSION if kind.startswith("checkout") else INTENT
    assert event(kind, thing).ignored == "unknown_type"


@pytest.mark.parametrize(
    ("kind", "thing"), [("checkout.session.completed", SESSION), ("payment_intent.succeeded", INTENT)]
)
def test_what_carries_no_attempt_of_ours_is_foreign(kind: str, thing: dict[str, Any]):
    assert event(kind, thing, metadata={}).foreign
    assert event(kind, thing, metadata=None).foreign


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
KINDS = [
    "checkout.session.completed",
    "payment_intent.succeeded",
    "charge.refunded",
    "charge.dispute.created",
    "refund.x",
]


@given(st.sampled_from(KINDS), st.sampled_from([SESSION, INTENT]), st.data())
def test_an_event_with_any_field_broken_maps_or_says_so(kind: str, thing: dict[str, Any], data: st.DataObject):
    """Whatever stands in one field, nothing but UnreadableEvent escapes, and no money is claimed of another amount."""
    field = data.draw(st.sampled_from(sorted(thing)))
    try:
        told = event(kind, thing, **{field: data.draw(json_values)})
    except UnreadableEvent:
        return
    if told.evidence is not None and told.evidence.state is State.PAID and told.amount is not None:
        assert type(told.amount.amount) is int
