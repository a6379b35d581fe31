"""Bad input: each a 4xx problem that names the field, never a 5xx, and nothing is written."""

import json
import uuid
from dataclasses import replace
from typing import Any

import pytest

from support.signing import sign
from support.stack import ORDER, Answer, Stack

TABLES = ("transactions", "attempts", "idempotency_keys", "webhook_events", "webhook_deliveries", "intake_ledger")


def assert_refused(stack: Stack, answer: Answer, status: int, field: str | None = None) -> None:
    assert answer.status == status, answer
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.body["status"] == status
    assert answer.body["title"]
    if field is not None:
        assert [error["field"] for error in answer.body["errors"]] == [field]
        assert all(error["message"] for error in answer.body["errors"])
    for table in TABLES:
        assert stack.rows(f"select count(*) as n from {table}")[0]["n"] == 0, table


def post(stack: Stack, raw: bytes) -> Answer:
    headers = {"Authorization": f"Bearer {stack.environ['PAYLINK_DEMO_MERCHANT_KEY']}", "Idempotency-Key": "k"}
    return stack.call("POST", "/v1/checkout", headers=headers, raw=raw)


FIELDS: list[tuple[str, Any]] = [
    ("provider", "nobody"),
    ("provider", 7),
    ("amount", -1),
    ("amount", 0),
    ("amount", 10**12 + 1),
    ("amount", 10**12),
    ("amount", 10**400),
    ("amount", 1.5),
    ("amount", 150000.0),
    ("amount", "150000"),
    ("amount", True),
    ("amount", None),
    ("currency", "XXX"),
    ("currency", "idr"),
    ("currency", "IDR\n"),
    ("currency", ["IDR"]),
    ("order_reference", ""),
    ("order_reference", "x" * 65),
    ("order_reference", "a\u0000b"),
    ("order_reference", "\ud800"),
    ("success_url", "http://example.com/"),
    ("success_url", "javascript:alert(1)"),
    ("success_url", "https://user:secret@example.com/"),
    ("success_url", "https://example.com/" + "x" * 2048),
    ("success_url", "https://[::1"),
    ("success_url", "https://example.com:port/"),
    ("success_url", "https://exa<mple.com/"),
    ("success_url", "https://example.com/\n"),
    ("failure_url", "ftp://example.com/"),
    ("customer", "Budi"),
    ("customer.email", {"email": "not an address"}),
    ("customer.email", {"email": "budi@."}),
    ("customer.email", {"email": "budi@example..com"}),
    ("customer.email", {"email": "bu\u202edi@example.com"}),
    ("customer.name", {"name": "Bu\u2028di"}),
    ("customer.unknown", {"unknown": 1}),
    ("customer.phone", {"phone": "0812"}),
    ("customer.phone", {"phone": "+62 812 3456 789"}),
    ("items", []),
    ("items", [{"name": "Coffee", "quantity": 1, "unit_amount": 149_999}]),
    ("items", [{"name": "Coffee", "quantity": 2, "unit_amount": 150_000}]),
    ("items", "Coffee"),
    ("items.0.name", [{"name": "", "quantity": 1, "unit_amount": 150_000}]),
    ("items.0.quantity", [{"name": "Coffee", "quantity": 0, "unit_amount": 150_000}]),
    ("items.0.quantity", [{"name": "Coffee", "quantity": 1.0, "unit_amount": 150_000}]),
    ("items.0.unit_amount", [{"name": "Coffee", "quantity": 1, "unit_amount": -150_000}]),
    ("items.0.sku", [{"name": "Coffee", "quantity": 1, "unit_amount": 150_000, "sku": "c-1"}]),
    ("payment_methods", []),
    ("payment_methods", ["card", "card"]),
    ("payment_methods", ["qris"]),
    ("payment_methods", "card"),
    ("payment_methods.0", ["cash"]),
    ("payment_methods.0", ["CARD"]),
    ("metadata", {f"k{i}": "v" for i in range(21)}),
    ("metadata", {"paylink_attempt": "mine"}),
    ("expires_in_s", 60),
    ("expires_in_s", 10**9),
    ("surprise", 1),
]


@pytest.mark.parametrize(("field", "value"), FIELDS, ids=[f"{f}={str(v)[:20]!a}" for f, v in FIELDS])
def test_a_wrong_field_is_named(stack: Stack, field: str, value: Any):
    answer = stack.checkout(**{field.partition(".")[0]: value})
    assert_refused(stack, answer, 422, field)


@pytest.mark.parametrize("field", ["amount", "currency", "order_reference", "success_url"])
def test_a_missing_field_is_named(stack: Stack, field: str):
    order = {name: value for name, value in ORDER.items() if name != field}
    assert_refused(stack, stack.merchant("POST", "/v1/checkout", order, idempotency_key="k"), 422, field)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{",
        b"null",
        b"[]",
        b'"text"',
        b"\xff\xfe\x00",
        b'{"amount": NaN}',
        b'{"amount": 1, "amount": 2}',
        b"[" * 60_000,
        b'{"a":' * 10_000,
        b'{"amount": ' + b"9" * 50_000 + b"}",
    ],
    ids=lambda raw: repr(raw[:20]),
)
def test_a_body_that_is_no_json_object_is_refused(stack: Stack, raw: bytes):
    assert_refused(stack, post(stack, raw), 400)


def test_a_huge_body_is_refused(stack: Stack):
    assert_refused(stack, post(stack, b" " * 10 * 1024 * 1024), 413)


@pytest.mark.parametrize(
    "authorization",
    [
        None,
        "",
        "Bearer",
        "Bearer x",
        "Basic cGw6",
        "Bearer plm_000000000000_" + "0" * 40,
        "Bearer \u00e9",
        "Bearer " * 99,
    ],
)
def test_a_bad_key_is_refused(stack: Stack, authorization: str | None):
    headers = {"Idempotency-Key": "k"} | ({} if authorization is None else {"Authorization": authorization})
    answer = stack.call("POST", "/v1/checkout", ORDER, headers=headers)
    assert_refused(stack, answer, 401)
    assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_demo_keys_are_not_let_into_production(stack: Stack):
    stack.deps.__dict__["settings"] = replace(stack.deps.settings, environment="production")
    assert_refused(stack, stack.checkout(), 401)


def test_a_key_without_the_scope_is_refused(stack: Stack):
    stack.rows("update api_keys set scopes = '{tx:read}'")
    assert_refused(stack, stack.checkout(), 403)


def test_an_operators_key_is_no_merchants_key(stack: Stack):
    stack.rows("update operator_keys set scopes = '{checkout:write}'")
    headers = {"Authorization": f"Bearer {stack.environ['PAYLINK_DEMO_OPERATOR_KEY']}", "Idempotency-Key": "k"}
    assert_refused(stack, stack.call("POST", "/v1/checkout", ORDER, headers=headers), 403)


@pytest.mark.parametrize("key", [None, "", "x" * 256, "has space", "caf\u00e9"])
def test_a_missing_or_odd_idempotency_key_is_refused(stack: Stack, key: str | None):
    headers = {} if key is None else {"idempotency_key": key}
    assert_refused(stack, stack.merchant("POST", "/v1/checkout", ORDER, **headers), 400)


@pytest.mark.parametrize("identifier", ["1", "not-a-uuid", "' or 1=1", "%00", "x" * 3000])
def test_an_id_that_is_no_uuid_is_refused(stack: Stack, identifier: str):
    assert_refused(stack, stack.merchant("GET", f"/v1/tx/{identifier}"), 422, "id")


@pytest.mark.parametrize(
    ("order", "field"),
    [
        ({"provider": "x"}, "provider"),
        ({"provider": "stripe", "account": "nobodys"}, "account"),
        ({"account": "demo"}, "provider"),
        ({"created_from": "2026-01-01"}, "created_to"),
        ({"created_from": "2026-01-02", "created_to": "2026-01-02"}, "created_to"),
        ({"created_from": "yesterday", "created_to": "2026-01-02"}, "created_from"),
        ({"repair": "some"}, "repair"),
        ({"sample": 1001}, "sample"),
        ({"merchant_id": "x"}, "merchant_id"),
    ],
)
def test_a_run_that_cannot_be_meant_is_refused(stack: Stack, order: dict[str, Any], field: str):
    assert_refused(stack, stack.merchant("POST", "/v1/reconcile", order), 422, field)
    assert stack.rows("select 1 from reconciliation_runs") == []


@pytest.mark.parametrize("name", ["Idempotency-Key", "Authorization", "Stripe-Signature", "X-Callback-Token"])
def test_a_header_that_decides_something_stands_once(stack: Stack, name: str):
    """With two different values it would be chance which one counts."""
    app = stack.functions["create_checkout"]
    event = {
        "headers": {name.lower(): "b"},
        "multiValueHeaders": {name.lower(): ["a", "b"]},
        "requestContext": {"httpMethod": "POST", "resourcePath": "/v1/checkout"},
    }
    answer = app.call(event)
    assert (answer["statusCode"], name.lower() in answer["body"]) == (400, True)


def test_an_unknown_transaction_is_not_found(stack: Stack):
    assert_refused(stack, stack.merchant("GET", f"/v1/tx/{uuid.uuid4()}"), 404)


def test_a_merchant_never_sees_anothers_transaction(stack: Stack):
    answer = stack.checkout()
    stack.rows("insert into merchants (id, name) values (gen_random_uuid(), 'Another')")
    stack.rows("update transactions set merchant_id = (select id from merchants where name = 'Another')")
    assert stack.merchant("GET", f"/v1/tx/{answer.body['id']}").status == 404


def secret(stack: Stack) -> str:
    return stack.environ["PAYLINK_STRIPE_WEBHOOK_SECRET"]


def webhook(stack: Stack, raw: bytes, signature: str | None, path: str = "/v1/webhook/stripe") -> Answer:
    headers = {} if signature is None else {"Stripe-Signature": signature}
    return stack.call("POST", path, headers=headers, raw=raw)


EVENT = b'{"id": "evt_1", "object": "event", "type": "charge.refunded", "data": {"object": {}}}'


@pytest.mark.parametrize(
    "signature",
    [None, "", "t=1,v1=00", "t=now,v1=" + "0" * 64, "v1=" + "0" * 64, "t=1", "x" * 100_000, "t=1,v1=\u00e9"],
)
def test_a_webhook_without_a_good_signature_is_refused(stack: Stack, signature: str | None):
    assert_refused(stack, webhook(stack, EVENT, signature), 401)


@pytest.mark.parametrize("raw", [b"", EVENT.replace(b"evt_1", b"evt_2"), EVENT + b"\n", b"\xff" * 100])
def test_a_signature_of_another_body_is_refused(stack: Stack, raw: bytes):
    assert_refused(stack, webhook(stack, raw, sign(secret(stack), EVENT)), 401)


@pytest.mark.parametrize("skew_s", [-301, 301, -(10**6), 10**6])
def test_a_signature_of_another_time_is_refused(stack: Stack, skew_s: int):
    assert_refused(stack, webhook(stack, EVENT, sign(secret(stack), EVENT, skew_s)), 401)


@pytest.mark.parametrize(
    "raw",
    [b"", b"{}", b"[]", b"null", b'{"id": 7}', b'{"id": ""}', b'{"id": "' + b"x" * 300 + b'"}', b"\xff", b"[" * 99_999,
     b'{"id": "evt_\\u0000"}', b'{"id": "\\ud800"}'],
    ids=lambda raw: repr(raw[:20]),
)  # fmt: skip
def test_a_signed_body_that_is_no_event_is_refused(stack: Stack, raw: bytes):
    assert_refused(stack, webhook(stack, raw, sign(secret(stack), raw)), 400)


def test_a_huge_webhook_is_refused(stack: Stack):
    raw = b" " * (512 * 1024 + 1)
    assert_refused(stack, webhook(stack, raw, sign(secret(stack), raw)), 413)


def test_an_unknown_provider_is_not_found(stack: Stack):
    assert_refused(stack, webhook(stack, EVENT, "t=1,v1=00", "/v1/webhook/nobody"), 404)


def test_an_unknown_account_looks_like_a_bad_signature(stack: Stack):
    unknown = webhook(stack, EVENT, sign(secret(stack), EVENT), "/v1/webhook/stripe/nobody")
    bad = webhook(stack, EVENT, "t=1,v1=00")
    assert_refused(stack, unknown, 401)
    assert unknown.body == bad.body


def test_what_jsonb_cannot_hold_is_kept_as_bytes_with_the_reason(stack: Stack):
    """A NUL or a lone surrogate in a signed body loses nothing: the event has its outcome, the body its bytes."""
    raw = json.dumps({"id": "evt_odd", "type": "odd", "data": {"object": {"note": "a\u0000b \ud800"}}}).encode()
    assert webhook(stack, raw, sign(secret(stack), raw)).status == 200
    stack.settle()
    assert bytes(stack.rows("select body from webhook_bodies")[0]["body"]) == raw
    row = stack.rows("select payload, problem from webhook_payloads")[0]
    assert row["payload"] is None
    assert row["problem"]
    assert [(e["state"], e["reason"]) for e in stack.events()] == [("ignored", "unknown_type")]
