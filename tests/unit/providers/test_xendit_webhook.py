"""Xendit's events: who sent them, what they are known by, and what they say."""

import contextlib
import json
import uuid
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paylink.core.money import Money
from paylink.core.secret import Secret
from paylink.core.states import Dispute, Evidence, Source, State
from paylink.providers.payments import ATTEMPT, Reference
from paylink.providers.port import Assurance, Credential, UnreadableEvent, Verified, WebhookRefused
from paylink.providers.xendit.signature import verify
from paylink.providers.xendit.webhook import map_event

TOKEN = "xnd_cb_test_9f8e7d6c5b4a"
ATTEMPT_ID = "01948a00-0000-7000-8000-000000000001"
INVOICE: dict[str, Any] = {
    "id": "65f0a1b2c3d4e5f60718293a",
    "external_id": f"paylink-{ATTEMPT_ID}",
    "status": "PAID",
    "amount": 150_000,
    "currency": "IDR",
    "payment_id": "7d5c3b1a-1111-4222-8333-444455556666",
}
BODY = json.dumps(INVOICE).encode()


def credential(token: str, field: str = "callback_token") -> Credential:
    return Credential(uuid.uuid4(), field, Secret(token))


def headers(token: str = TOKEN, **others: str) -> dict[str, str]:
    return {"x-callback-token": token} | {name.replace("_", "-"): value for name, value in others.items()}


def check(body: bytes, told: dict[str, str], credentials: list[Credential]) -> Verified:
    """The time has no say."""
    return verify(body, told, credentials, datetime.now(UTC))


def test_the_token_proves_the_sender_and_no_more():
    assert check(BODY, headers(), [credential(TOKEN)]).assurance is Assurance.SENDER


@given(st.text(max_size=40).filter(lambda text: text != TOKEN))
def test_no_other_token_is_let_in(token: str):
    with pytest.raises(WebhookRefused):
        check(BODY, headers(token), [credential(TOKEN)])


def test_the_secret_key_is_no_token():
    with pytest.raises(WebhookRefused, match="no_match"):
        check(BODY, headers(), [credential(TOKEN, field="secret_key")])


def test_a_rolled_token_is_known_by_its_own_credential():
    new, old = credential("xnd_cb_newer"), credential(TOKEN)
    assert check(BODY, headers(), [new, old]).credential_id == old.id


def test_an_event_is_known_by_its_webhook_id_whatever_it_says():
    assert check(b'{"any": "thing"}', headers(webhook_id="a-B_9.z"), [credential(TOKEN)]).event_id == "a-B_9.z"


@pytest.mark.parametrize("webhook_id", ["", "a b", "refund:1:PAID", "x" * 256, "é", "a\n"])
def test_a_webhook_id_of_another_form_is_not_used(webhook_id: str):
    verified = check(BODY, headers(webhook_id=webhook_id), [credential(TOKEN)])
    assert verified.event_id == f"invoice:{INVOICE['id']}:PAID"


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"7", b"{}", b'{"id": 7, "status": "PAID"}', b'{"event": "refund.failed"}', b"[" * 100_000, b"\xff"],
)
def test_what_is_no_event_cannot_be_kept_without_a_webhook_id(body: bytes):
    with pytest.raises(WebhookRefused, match="unreadable"):
        check(body, headers(), [credential(TOKEN)])


@pytest.mark.parametrize("body", [b"", b"[]", b"null", BODY[:-1], b"\xff"])
def test_a_body_that_was_lost_on_its_way_is_refused_with_one_too(body: bytes):
    """Else the whole one, sent again, would be the same event and change nothing."""
    with pytest.raises(WebhookRefused, match="unreadable"):
        check(body, headers(webhook_id="a-B_9.z"), [credential(TOKEN)])


def test_events_of_unknown_kinds_without_an_id_are_told_apart_by_their_bodies():
    first, second = (json.dumps({"event": "payment_session.expired", "data": n}).encode() for n in (1, 2))
    ids = [check(body, headers(), [credential(TOKEN)]).event_id for body in (first, second, first)]
    assert ids[0] == ids[2] != ids[1]


@pytest.mark.parametrize(("paid_amount", "captured"), [(None, 150_000), (149_000, 149_000), (0, 0)])
def test_what_was_received_is_told_apart_from_what_was_asked_for(paid_amount: int | None, captured: int):
    event = map_event(json.dumps(INVOICE | {"paid_amount": paid_amount}).encode())
    assert event.evidence is not None
    assert (event.evidence.state, event.evidence.captured) == (State.PAID, captured)
    assert event.amount == Money(150_000, "IDR")


def test_a_fraction_of_a_rupiah_is_refused():
    with pytest.raises(UnreadableEvent):
        map_event(BODY.replace(b"150000", b"150000.5"))


@pytest.mark.parametrize("identifier", ["../v1/x", "a/b", "a?b=c", "", ".."])
def test_an_invoice_id_that_would_change_an_address_is_refused(identifier: str):
    """Whoever holds the token may write any id, and it goes into the path of a question."""
    with pytest.raises(UnreadableEvent):
        map_event(json.dumps(INVOICE | {"id": identifier}).encode())


@pytest.mark.parametrize("external_id", ["invoice_123124123", "paylink-", "paylink-7", f"PAYLINK-{ATTEMPT_ID}", None])
def test_an_event_about_an_external_id_of_another_form_is_foreign(external_id: str | None):
    """The dashboard's test notice is one of these."""
    assert map_event(json.dumps(INVOICE | {"external_id": external_id}).encode()).foreign


@pytest.mark.parametrize("metadata", [None, {}, {"paylink_attempt": "x/y"}, {"paylink_attempt": 7}])
def test_a_refund_without_our_attempt_is_found_by_its_invoice(metadata: Any):
    refund = {"id": "rfd-1", "invoice_id": INVOICE["id"], "status": "SUCCEEDED", "metadata": metadata}
    event = map_event(json.dumps({"event": "refund.succeeded", "data": refund}).encode())
    assert (event.references, event.confirm) == ((Reference("invoice", INVOICE["id"]),), True)


def test_a_refund_or_dispute_that_names_no_payment_of_an_invoice_is_ignored():
    """Those of payment requests, which others on the account may make."""
    refund = (
        b'{"event": "refund.succeeded", "data": {"id": "rfd-1", "status": "SUCCEEDED", "payment_request_id": "pr"}}'
    )
    for raw in (refund, b'{"event": "dispute.lost", "id": "d", "status": "LOST", "reference_id": "theirs"}'):
        assert map_event(raw).ignored == "names_no_payment"


@pytest.mark.parametrize("name", ["action_required", "under_review", "due_date_approaching", "won", "lost"])
def test_every_dispute_event_is_a_reason_to_ask(name: str):
    body = {"event": f"dispute.{name}", "payment_id": "p-1", "status": "X", "reference_id": INVOICE["external_id"]}
    event = map_event(json.dumps(body).encode())
    opened = Evidence(State.PAID, Source.WEBHOOK, dispute=Dispute.OPEN) if name == "action_required" else None
    assert (event.event_type, event.evidence, event.confirm) == (f"dispute.{name}", opened, True)
    assert event.references == (Reference(ATTEMPT, ATTEMPT_ID), Reference("payment", "p-1"))


SCALARS = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8))
NAMES = st.sampled_from([*INVOICE, "event", "data", "paid_amount", "metadata", "reference_id", "updated"])
VALUES = st.one_of(SCALARS, st.sampled_from(["refund.x", "dispute.x", *map(str, INVOICE.values())]))
BODIES = st.dictionaries(NAMES, st.one_of(VALUES, st.dictionaries(NAMES, VALUES), st.lists(VALUES, max_size=2)))


@given(BODIES)
def test_nothing_but_the_documented_refusals_escapes(body: dict[str, Any]):
    raw = json.dumps(INVOICE | body).encode()
    with contextlib.suppress(UnreadableEvent):
        map_event(raw)
    with contextlib.suppress(WebhookRefused):
        assert 1 <= len(check(raw, headers(), [credential(TOKEN)]).event_id) <= 255
