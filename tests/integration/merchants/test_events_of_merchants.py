"""A merchant looks at the events of its own accounts, by the routes that operators use."""

import json

import pytest

from support.signing import sign
from support.stack import Stack
from support.tenants import Tenant, ask, make_account, make_tenant

PRIVATE = "budi@example.com"


@pytest.fixture
def other(stack: Stack) -> Tenant:
    return make_tenant(stack, "Other")


def deliver(stack: Stack, account: str, secret: str, event_id: str) -> str:
    event = {"id": event_id, "type": "a.b", "data": {"object": {"email": PRIVATE}}}
    raw = json.dumps(event).encode()
    headers = {"Stripe-Signature": sign(secret, raw)}
    assert stack.call("POST", f"/v1/webhook/stripe/{account}", headers=headers, raw=raw).status == 200
    row_id = stack.rows("select id from webhook_events where event_id = %s", event_id)[0]["id"]
    stack.deps.processing.process([row_id])
    return str(row_id)


def seen(stack: Stack, key: str, query: str = "") -> list[str]:
    answer = ask(stack, key, "GET", f"/v1/events?{query}")
    assert answer.status == 200, answer
    return [event["event_id"] for event in answer.body["events"]]


def test_each_sees_its_own_and_an_operator_all(stack: Stack, other: Tenant):
    demo, demo_secret = stack.environ["PAYLINK_DEMO_MERCHANT_KEY"], stack.environ["PAYLINK_STRIPE_WEBHOOK_SECRET"]
    for number in range(3):
        deliver(stack, "default", demo_secret, f"evt_demo_{number}")
        deliver(stack, "other", other.webhook_secret, f"evt_other_{number}")
    assert seen(stack, demo) == ["evt_demo_2", "evt_demo_1", "evt_demo_0"]
    assert seen(stack, other.key) == ["evt_other_2", "evt_other_1", "evt_other_0"]
    everything = seen(stack, stack.environ["PAYLINK_DEMO_OPERATOR_KEY"])
    assert everything == [f"evt_{who}_{n}" for n in (2, 1, 0) for who in ("other", "demo")]


def test_pages_go_over_all_accounts_of_a_merchant(stack: Stack, other: Tenant):
    credentials = {"secret_key": "sk_test_x", "webhook_secret": "whsec_second"}
    make_account(stack, other.id, "second", credentials)
    names = []
    for number in range(4):
        for account, secret in (("other", other.webhook_secret), ("second", "whsec_second")):
            names.append(f"evt_{account}_{number}")
            deliver(stack, account, secret, names[-1])
        deliver(stack, "default", stack.environ["PAYLINK_STRIPE_WEBHOOK_SECRET"], f"evt_demo_{number}")
    shown: list[str] = []
    cursor = ""
    while True:
        answer = ask(stack, other.key, "GET", f"/v1/events?limit=3{cursor}")
        shown += [event["event_id"] for event in answer.body["events"]]
        if answer.body["next_cursor"] is None:
            break
        cursor = f"&cursor={answer.body['next_cursor']}"
    assert shown == names[::-1]
    assert seen(stack, other.key, "account=second&limit=1") == ["evt_second_3"]
    assert seen(stack, other.key, "event_id=evt_other_1") == ["evt_other_1"]
    assert seen(stack, other.key, "state=ignored&reason=unknown_type&limit=2") == names[:-3:-1]
    for state in ("applied", "in_flight", "parked", "dead"):
        assert seen(stack, other.key, f"state={state}") == []


def test_an_event_is_shown_without_what_concerns_operators(stack: Stack, other: Tenant):
    row_id = deliver(stack, "other", other.webhook_secret, "evt_1")
    assert stack.operator("POST", f"/v1/events/{row_id}/replay").status == 202
    shown = ask(stack, other.key, "GET", f"/v1/events/{row_id}").body
    assert (shown["event_id"], shown["account"], shown["has_body"]) == ("evt_1", "other", True)
    assert not {"replays", "verified_with", "body"} & set(shown)
    assert PRIVATE in ask(stack, other.key, "GET", f"/v1/events/{row_id}?body=true").body["body"]
    assert set(stack.operator("GET", f"/v1/events/{row_id}").body) - set(shown) == {"replays", "verified_with"}
