"""Midtrans' notifications: what the signature proves, how repetitions are known, and what each one says."""

import hashlib
import json
import re
import uuid
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paylink.core.secret import Secret
from paylink.core.states import Source, State
from paylink.providers.midtrans.webhook import map_event, verify
from paylink.providers.port import ATTEMPT, Assurance, Credential, Reference, UnreadableEvent, WebhookRefused

KEY = "SB-Mid-server-TESTKEY0123456789"
ATTEMPT_ID = "019a5b3c-7d10-7a44-8f21-3c5d7e9f1b20"
ORDER = f"paylink-{ATTEMPT_ID}"
NOTICE: dict[str, Any] = {
    "transaction_status": "settlement",
    "transaction_id": "c1d2e3f4-5a6b-4c7d-8e9f-0a1b2c3d4e5f",
    "status_code": "200",
    "payment_type": "gopay",
    "order_id": ORDER,
    "gross_amount": "150000.00",
    "fraud_status": "accept",
    "currency": "IDR",
}


def credential(key: str = KEY, field: str = "server_key") -> Credential:
    return Credential(uuid.uuid4(), field, Secret(key))


def signed(**changes: Any) -> dict[str, Any]:
    body = NOTICE | changes
    text = body["order_id"] + body["status_code"] + body["gross_amount"] + KEY
    return body | {"signature_key": hashlib.sha512(text.encode(errors="surrogatepass")).hexdigest()}


def raw(body: Any) -> bytes:
    return json.dumps(body).encode()


def event_id(**changes: Any) -> str:
    return verify(raw(signed(**changes)), [credential()]).event_id


def refusal(body: bytes, credentials: list[Credential] | None = None) -> str:
    with pytest.raises(WebhookRefused) as refused:
        verify(body, [credential()] if credentials is None else credentials)
    return refused.value.reason


def test_a_signed_notice_verifies_and_proves_only_a_part():
    live = credential()
    verified = verify(raw(signed()), [live])
    assert (verified.credential_id, verified.assurance) == (live.id, Assurance.PARTIAL)


@pytest.mark.parametrize("field", ["order_id", "status_code", "gross_amount", "signature_key"])
def test_no_character_of_what_is_signed_can_be_changed(field: str):
    body = signed()
    for i, character in enumerate(body[field]):
        changed = body | {field: body[field][:i] + chr(ord(character) ^ 1) + body[field][i + 1 :]}
        assert refusal(raw(changed)) in ("no_match", "malformed")


@pytest.mark.parametrize("field", ["order_id", "status_code", "gross_amount", "signature_key"])
@pytest.mark.parametrize("value", [None, 200, 150000.0, [], {}, "", "\ud800"])
def test_a_signed_field_of_another_form_is_malformed(field: str, value: Any):
    body = signed()
    assert refusal(raw(body | {field: value})) == "malformed"
    del body[field]
    assert refusal(raw(body)) == "malformed"


@pytest.mark.parametrize("body", [b"", b"null", b"[]", b"7", b"{}", b"\xff", b"[" * 100_000, b'{"order_id": 1e999}'])
def test_nonsense_is_malformed(body: bytes):
    assert refusal(body) == "malformed"


def test_no_other_credential_verifies():
    """Neither none at all, nor another key, nor the right value in another field."""
    body = raw(signed())
    assert refusal(body, []) == "no_match"
    assert refusal(body, [credential("SB-Mid-server-OTHER")]) == "no_match"
    assert refusal(body, [credential(field="callback_token")]) == "no_match"


@pytest.mark.parametrize(
    ("order_id", "status_code", "gross_amount"),
    [(ORDER + "2", "001", "50000.00"), (ORDER[:-1], "020", "0150000.00"), (ORDER + "200", "150", "000.00")],
)
def test_digits_moved_between_the_signed_parts_never_speak_of_our_order(
    order_id: str, status_code: str, gross_amount: str
):
    """The digest is the same for them; the order id then has another form than ours."""
    moved = NOTICE | {"order_id": order_id, "status_code": status_code, "gross_amount": gross_amount}
    moved["signature_key"] = signed()["signature_key"]
    assert order_id + status_code + gross_amount == ORDER + "200" + "150000.00"
    assert verify(raw(moved), [credential()])
    assert map_event(raw(moved)).foreign


def test_a_settlement_and_a_refund_have_one_signature_and_are_two_events():
    refund = signed(transaction_status="refund")
    assert refund["signature_key"] == signed()["signature_key"]
    assert event_id(transaction_status="refund") != event_id()


def test_a_notice_of_one_order_never_passes_for_that_of_another():
    """The transaction id is not signed, so it alone must not make the event of an order known already."""
    assert event_id(order_id=ORDER[:-1] + "1") != event_id(order_id=ORDER[:-1] + "2")


def test_a_refund_and_its_confirmation_are_two_events():
    told = {"refund_chargeback_id": 1001, "refund_amount": "50000.00"}
    first = event_id(transaction_status="partial_refund", refunds=[told])
    confirmed = [told | {"bank_confirmed_at": "2026-01-03 09:00:00"}]
    assert event_id(transaction_status="partial_refund", refunds=confirmed) != first


def test_the_same_refunds_in_another_order_are_the_same_event():
    refunds = [{"refund_chargeback_id": number, "refund_amount": "1.00"} for number in (999, 1001, 1000)]
    ids = {event_id(refunds=refunds), event_id(refunds=refunds[::-1]), event_id(refunds=refunds[1:] + refunds[:1])}
    text = f"midtrans|{NOTICE['transaction_id']}|settlement|accept|200|150000.00|999:1.00:,1000:1.00:,1001:1.00:"
    assert ids == {f"{ORDER}:{hashlib.sha256(text.encode()).hexdigest()}"}


@pytest.mark.parametrize(
    "changes",
    [
        {"transaction_id": 1.5},
        {"transaction_id": "\ud800"},
        {"transaction_status": ["settlement"]},
        {"fraud_status": True},
        {"refunds": 7},
        {"refunds": {"a": 1}},
        {"refunds": [None]},
        {"refunds": [{"refund_amount": {}}]},
    ],
)
def test_a_signed_body_that_is_no_notice_is_unreadable(changes: dict[str, Any]):
    assert refusal(raw(signed(**changes))) == "unreadable"


@pytest.mark.parametrize(
    "order_id", ["PL-1", ATTEMPT_ID, ORDER.upper(), ORDER + "-a2", "paylink-", f"paylink-{ATTEMPT_ID[:-1]}"]
)
def test_an_order_id_of_another_form_is_another_systems(order_id: str):
    told = map_event(raw(NOTICE | {"order_id": order_id, "transaction_status": "something_new"}))
    assert (told.foreign, told.evidence, told.references) == (True, None, ())


def test_a_notice_names_the_attempt_first_and_then_the_transaction():
    references = map_event(raw(NOTICE)).references
    assert references == (Reference(ATTEMPT, ATTEMPT_ID), Reference("transaction", NOTICE["transaction_id"]))


@pytest.mark.parametrize("status", ["deny", "refund", "partial_refund", "chargeback", "partial_chargeback", "Refund"])
def test_what_only_the_status_call_can_tell_is_a_hint(status: str):
    told = map_event(raw(NOTICE | {"transaction_status": status}))
    assert (told.evidence, told.confirm, told.ignored) == (None, True, None)


def test_a_paid_notice_claims_its_whole_amount():
    evidence = map_event(raw(NOTICE)).evidence
    assert evidence is not None
    assert (evidence.state, evidence.source, evidence.captured) == (State.PAID, Source.WEBHOOK, 150_000)
    assert (evidence.refunded, evidence.dispute, evidence.no_dispute) == (None, None, False)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@given(st.sampled_from(sorted(NOTICE)), json_values)
def test_a_notice_with_any_field_broken_maps_or_says_so(field: str, value: Any):
    """Nothing but UnreadableEvent escapes, and money is claimed in whole rupiah only."""
    try:
        told = map_event(raw(NOTICE | {field: value}))
    except UnreadableEvent:
        return
    if told.evidence is not None and told.evidence.state is State.PAID:
        assert told.amount is not None
        assert told.evidence.captured == told.amount.amount


@given(st.sampled_from([*sorted(NOTICE), "refunds"]), json_values)
def test_a_signed_notice_with_any_field_broken_verifies_or_is_refused(field: str, value: Any):
    reason = None
    try:
        assert re.fullmatch(ORDER + ":[0-9a-f]{64}", verify(raw(signed() | {field: value}), [credential()]).event_id)
    except WebhookRefused as exc:
        reason = exc.reason
    assert reason in (None, "malformed", "no_match", "unreadable")
