"""Midtrans' notifications: what the signature proves, how repetitions are known, and what each one says."""

import hashlib
import json
import re
import uuid
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paylink.core.secret import Secret
from paylink.core.states import Dispute, Evidence, Source, State
from paylink.providers.midtrans.signature import verify
from paylink.providers.midtrans.webhook import map_event
from paylink.providers.payments import ATTEMPT, Reference
from paylink.providers.port import Assurance, Credential, UnreadableEvent, Verified, WebhookRefused

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


def check(body: bytes, credentials: list[Credential]) -> Verified:
    """Neither headers nor the time have a say."""
    return verify(body, {}, credentials, datetime.now(UTC))


def event_id(**changes: Any) -> str:
    return check(raw(signed(**changes)), [credential()]).event_id


def refusal(body: bytes, credentials: list[Credential] | None = None) -> str:
    with pytest.raises(WebhookRefused) as refused:
        check(body, [credential()] if credentials is None else credentials)
    return refused.value.reason


def test_a_signed_notice_verifies_and_proves_only_a_part():
    live = credential()
    verified = check(raw(signed()), [live])
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
    assert check(raw(moved), [credential()])
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
    assert ids == {f"{ORDER}:-:{hashlib.sha256(text.encode()).hexdigest()}"}


def test_a_second_settlement_of_one_transaction_is_another_event():
    """The bank took the first one back; a repeated notice keeps its id."""
    first = event_id(settlement_time="2026-01-01 07:04:02", transaction_time="2026-01-01 07:03:11")
    second = event_id(settlement_time="2026-01-01 09:00:00", transaction_time="2026-01-01 07:03:11")
    assert first != second
    assert first == event_id(settlement_time="2026-01-01 07:04:02", transaction_time="2026-01-01 07:03:11")
    assert first.split(":")[1:] == ["20260101070402", event_id().rpartition(":")[2]]


def test_without_a_settlement_the_transactions_time_is_told():
    assert event_id(transaction_time="2026-01-01 07:03:11").split(":")[1] == "20260101070311"


@pytest.mark.parametrize("time", [None, "", "soon", 7, [], {"a": 1}, "\ud800", "\u0663"])
def test_a_time_of_another_form_is_left_out_of_an_event_id(time: object):
    assert event_id(settlement_time=time) == event_id()


def test_a_long_time_is_cut_in_an_event_id():
    assert event_id(settlement_time="2026-01-01 07:04:02." + "9" * 999).split(":")[1] == "20260101070402"


@pytest.mark.parametrize("number", ["50000", "50000.0", "50000.00", "5e4"])
def test_a_refund_told_as_a_number_is_the_same_event_as_one_told_as_a_text(number: str):
    told = raw(signed(transaction_status="partial_refund", refunds=[{"refund_amount": "50000.00"}]))
    changed = told.replace(b'"50000.00"', number.encode())
    event = check(changed, [credential()]).event_id
    assert event == check(told, [credential()]).event_id
    evidence = map_event(changed.replace(b"5e4", b"50000")).evidence
    assert evidence is not None
    assert evidence.refunded == 50_000


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
        {"refunds": [{"refund_amount": True}]},
        {"refunds": [{"refund_amount": 10**40}]},
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


def test_a_refusal_is_only_a_reason_to_ask():
    """The payer may try again, or a bank took its money back."""
    told = map_event(raw(NOTICE | {"transaction_status": "deny"}))
    assert (told.evidence, told.confirm, told.ignored) == (None, True, None)


REFUNDED = {"refund_amount": "70000.00", "refunds": [{"refund_amount": "50000.00"}, {"refund_amount": "20000.00"}]}


@pytest.mark.parametrize(
    ("changes", "refunded", "dispute"),
    [
        ({"transaction_status": "refund"}, 150_000, None),
        ({"transaction_status": "Refund", "refund_amount": "150000.00"}, 150_000, None),
        ({"transaction_status": "partial_refund"} | REFUNDED, 70_000, None),
        ({"transaction_status": "chargeback"}, None, Dispute.OPEN),
        ({"transaction_status": "partial_chargeback"} | REFUNDED, 70_000, Dispute.OPEN),
    ],
)
def test_a_refund_or_a_chargeback_is_a_claim_to_confirm(
    changes: dict[str, Any], refunded: int | None, dispute: Dispute | None
):
    told = map_event(raw(NOTICE | changes))
    assert told.confirm
    assert told.evidence == Evidence(
        State.PAID, Source.WEBHOOK, captured=150_000, refunded=refunded, dispute=dispute, no_dispute=False
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"transaction_status": "partial_refund"},
        {"transaction_status": "partial_refund", "refunds": [{"refund_chargeback_id": 1001}]},
        {"transaction_status": "partial_refund", "refund_amount": "0.5"},
        {"transaction_status": "authorize", "fraud_status": "deny"},
        {"transaction_status": "settlement", "fraud_status": "challenge"},
        {"transaction_status": "settlement", "fraud_status": "deny"},
        {"transaction_status": "settlement", "status_code": "201"},
    ],
)
def test_a_known_status_that_says_too_little_is_asked_about(changes: dict[str, Any]):
    told = map_event(raw(NOTICE | changes))
    assert (told.evidence, told.confirm, told.foreign) == (None, True, False)
    assert told.references[0] == Reference(ATTEMPT, ATTEMPT_ID)


def test_a_status_that_is_unknown_is_unreadable():
    with pytest.raises(UnreadableEvent):
        map_event(raw(NOTICE | {"transaction_status": "something_new"}))


def test_a_bank_transfers_own_order_id_leads_to_the_attempt_that_its_custom_field_names():
    own = {"order_id": NOTICE["transaction_id"]}
    by_transaction = Reference("transaction", NOTICE["transaction_id"])
    assert map_event(raw(NOTICE | own)).references == (by_transaction,)
    named = map_event(raw(NOTICE | own | {"custom_field2": ATTEMPT_ID}))
    assert named.references == (Reference(ATTEMPT, ATTEMPT_ID), by_transaction)
    assert map_event(raw(NOTICE | {"order_id": "PL-1", "custom_field2": ATTEMPT_ID})).foreign


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
    assert told.confirm or told.evidence is not None or told.foreign
    if told.evidence is not None and told.evidence.state is State.PAID:
        assert told.amount is not None
        assert told.evidence.captured == told.amount.amount


@given(st.sampled_from([*sorted(NOTICE), "refunds", "settlement_time", "transaction_time"]), json_values)
def test_a_signed_notice_with_any_field_broken_verifies_or_is_refused(field: str, value: Any):
    reason = None
    try:
        assert re.fullmatch(
            ORDER + ":([0-9]{1,14}|-):[0-9a-f]{64}", check(raw(signed() | {field: value}), [credential()]).event_id
        )
    except WebhookRefused as exc:
        reason = exc.reason
    assert reason in (None, "malformed", "no_match", "unreadable")
