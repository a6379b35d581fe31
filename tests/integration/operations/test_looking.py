"""Operators look at events: lists, filters, one event with what happened to it."""

import json
import re
import uuid
from typing import Any
from urllib.parse import urlencode

import pytest

from paylink.providers.registry import provider_slugs
from support.signing import intent_event, sign
from support.stack import Stack

ID = "01a204c2-0e66-7171-9112-384448eabd50"
PRIVATE = "budi@example.com"


def listed(stack: Stack, path: str = "/v1/events", **query: Any) -> list[str]:
    """Return the event ids of a page."""
    answer = stack.operator("GET", f"{path}?{urlencode(query)}")
    assert answer.status == 200, answer
    return [event["event_id"] for event in answer.body["events"]]


def test_pages_hold_every_event_once_the_newest_first(stack: Stack, make_event: Any):
    names = [f"evt_{number}" for number in range(7)]
    for name in names:
        make_event("ignored", name)
    seen: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        body = stack.operator("GET", f"/v1/events?{urlencode({'limit': 3} | cursor)}").body
        seen += [event["event_id"] for event in body["events"]]
        make_event("ignored", f"later_{len(seen)}")
        if body["next_cursor"] is None:
            break
        cursor = {"cursor": body["next_cursor"]}
    assert seen == names[::-1]


def test_filters_narrow_alone_and_together(stack: Stack, make_event: Any):
    for state in ("applied", "ignored", "parked", "dead", "in_flight"):
        make_event(state, f"evt_{state}")
    for state in ("applied", "ignored", "parked", "dead", "in_flight"):
        assert listed(stack, state=state) == [f"evt_{state}"]
        assert listed(stack, state=state, event_id="evt_other") == []
        assert listed(stack, state=state, provider="stripe", account="default", limit=1) == [f"evt_{state}"]
    everything = [f"evt_{state}" for state in ("in_flight", "dead", "parked", "ignored", "applied")]
    assert listed(stack) == listed(stack, provider="stripe") == listed(stack, account="default") == everything
    assert listed(stack, provider="midtrans") == listed(stack, account="another") == []
    assert listed(stack, reason="amount_mismatch") == ["evt_parked"]
    assert listed(stack, event_id="evt_dead") == ["evt_dead"]
    row = stack.rows("select transaction_id from webhook_events where event_id = 'evt_applied'")[0]
    assert listed(stack, transaction_id=row["transaction_id"]) == ["evt_applied"]
    assert listed(stack, transaction_id=row["transaction_id"], state="parked") == []
    assert listed(stack, transaction_id=uuid.uuid4()) == []
    assert listed(stack, "/v1/dead-letters") == ["evt_dead"]
    assert listed(stack, "/v1/dead-letters", reason="unreadable") == ["evt_dead"]
    assert listed(stack, "/v1/dead-letters", reason="body_gone") == []


@pytest.mark.parametrize("state", ["ignored", "dead"])
def test_a_time_narrows_from_its_start_to_before_its_end(stack: Stack, make_event: Any, state: str):
    for name in ("evt_1", "evt_2", "evt_3"):
        make_event(state, name)
    first, second, third = (r["at"] for r in stack.rows("select received_at as at from webhook_events order by id"))
    assert listed(stack, state=state, since=second.isoformat()) == ["evt_3", "evt_2"]
    assert listed(stack, state=state, until=second.isoformat()) == ["evt_1"]
    assert listed(stack, state=state, since=first.isoformat(), until=third.isoformat()) == ["evt_2", "evt_1"]
    assert listed(stack, state=state, since="2020-01-01", until="2020-01-02T00:00:00Z") == []
    assert listed(stack, state=state, since="0001-01-01", until="9999-12-31") == ["evt_3", "evt_2", "evt_1"]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("state=gone", "state"),
        ("state=", "state"),
        ("colour=red", "colour"),
        ("limit=0", "limit"),
        ("limit=201", "limit"),
        ("limit=%D9%A3", "limit"),
        ("limit=1&limit=2", "limit"),
        ("cursor=1", "cursor"),
        ("transaction_id=x", "transaction_id"),
        ("event_id=%00", "event_id"),
        ("account=" + "x" * 301, "account"),
        ("since=yesterday", "since"),
        ("since=0001-01-01T00:00:00%2B14:00", "since"),
        ("until=9999-12-31T23:59:59-14:00", "until"),
    ],
)
def test_a_filter_that_cannot_be_is_named(stack: Stack, query: str, field: str):
    answer = stack.operator("GET", f"/v1/events?{query}")
    assert (answer.status, [error["field"] for error in answer.body["errors"]]) == (422, [field])


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", f"/v1/events/{ID}", 404),
        ("GET", "/v1/events/x", 422),
        ("GET", f"/v1/events/{ID}?body=yes", 422),
        ("GET", f"/v1/dead-letters/{ID}", 404),
        ("GET", "/v1/dead-letters?state=dead", 422),
        ("GET", "/v1/credentials?limit=1", 422),
        ("POST", f"/v1/events/{ID}/replay", 404),
        ("POST", "/v1/events/x/replay", 422),
        ("POST", f"/v1/dead-letters/{ID}/redrive", 404),
    ],
)
def test_what_is_not_there_or_not_understood_is_a_problem(stack: Stack, method: str, path: str, status: int):
    assert stack.operator(method, path).status == status


def test_an_event_tells_its_story_without_its_body(stack: Stack, make_event: Any):
    row_id = make_event("ignored", "evt_1")
    stack.deliver({"id": "evt_1", "type": "a.b", "data": {"object": {"email": PRIVATE}}})
    answer = stack.operator("GET", f"/v1/events/{row_id}")
    shown = answer.body
    assert {name: shown[name] for name in ("id", "event_id", "type", "state", "reason", "provider", "account")} == {
        "id": str(row_id),
        "event_id": "evt_1",
        "type": "a.b",
        "state": "ignored",
        "reason": "unknown_type",
        "provider": "stripe",
        "account": "default",
    }
    credential = stack.rows("select id from account_credentials where field = 'webhook_secret'")[0]["id"]
    assert shown["verified_with"] == {"credential_id": str(credential), "field": "webhook_secret"}
    assert (shown["redelivered"], shown["has_body"], shown["replays"]) == (1, True, [])
    assert "body" not in shown
    assert "headers" not in shown


def test_a_parked_event_tells_what_it_waits_for(stack: Stack):
    row_id = stack.deliver(intent_event("succeeded", "evt_early", str(uuid.uuid4())))
    stack.deps.processing.process([row_id])
    shown = stack.operator("GET", f"/v1/events/{row_id}").body
    assert (shown["state"], shown["reason"]) == ("parked", "no_transaction")
    assert any(name.startswith("attempt ") for name in shown["waits_for"])
    assert shown["parked_until"] > shown["received_at"]


def test_the_body_is_shown_only_when_it_is_asked_for(stack: Stack):
    event = {"id": "evt_1", "type": "a.b", "data": {"object": {"email": PRIVATE, "name": "Ānanda"}}}
    row_id = stack.deliver(event)
    assert PRIVATE not in json.dumps(stack.operator("GET", f"/v1/events/{row_id}").body)
    shown = stack.operator("GET", f"/v1/events/{row_id}?body=true").body
    assert json.loads(shown["body"]) == event
    assert "stripe-signature" in shown["headers"]


def test_a_body_that_is_no_text_is_shown_in_base64(stack: Stack):
    raw = json.dumps({"id": "evt_1", "type": "a.b", "data": {"object": {}}}).encode("utf-16")
    signature = sign(stack.environ["PAYLINK_STRIPE_WEBHOOK_SECRET"], raw)
    assert stack.call("POST", "/v1/webhook/stripe", headers={"Stripe-Signature": signature}, raw=raw).status == 200
    shown = stack.operator("GET", f"/v1/events/{stack.event_ids()[0]}?body=true").body
    assert shown["body_base64"].startswith("//57")


def test_no_secret_is_ever_stored_or_shown(stack: Stack):
    for provider in provider_slugs():
        stack.paid(provider=provider)
    secrets = [value for name, value in stack.environ.items() if re.match("PAYLINK_.*_(KEY|TOKEN|SECRET)$", name)]
    shown = [stack.operator("GET", f"/v1/events/{row_id}?body=true").body for row_id in stack.event_ids()]
    shown.append(stack.operator("GET", "/v1/credentials").body)
    text = json.dumps(shown)
    assert len(secrets) >= 5
    assert not any(secret in text for secret in secrets)
    assert not any("token" in name for event in shown[:-1] for name in event["headers"])


def test_the_commands_show_what_the_routes_show(stack: Stack, make_event: Any, paylink: Any):
    dead = make_event("dead", "evt_dead")
    make_event("ignored", "evt_ignored")
    done = paylink("events", "list", "--json")
    assert json.loads(done.stdout) == stack.operator("GET", "/v1/events").body
    done = paylink("events", "list", "--state", "ignored")
    assert done.returncode == 0, done.stderr
    header, line = done.stdout.splitlines()
    assert header.split() == ["ID", "RECEIVED", "ACCOUNT", "TYPE", "STATE", "REASON"]
    assert line.split()[2:] == ["stripe/default", "a.b", "ignored", "unknown_type"]
    done = paylink("events", "list", "--limit", "1")
    assert f"--cursor {stack.event_ids()[1]}" in done.stdout
    assert str(dead) in paylink("dead-letters", "list").stdout
    assert json.loads(paylink("dead-letters", "show", str(dead)).stdout)["reason"] == "unreadable"
    done = paylink("events", "show", str(dead), "--body")
    assert json.loads(done.stdout) == stack.operator("GET", f"/v1/events/{dead}?body=true").body


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("events", "list", "--state", "gone"), "--state: one of in_flight"),
        (("events", "list", "--event-id", ""), "--event-id: a text"),
        (("events", "show", "x"), "x: a UUID is needed"),
        (("events", "show", ID), "there is no such event"),
        (("dead-letters", "redrive"), "name the events, or say --all"),
        (("dead-letters", "redrive", "--provider", "stripe"), "name the events, or say --all"),
        (("dead-letters", "redrive", ID, "--all"), "name the events, or say --all"),
        (("credentials", "retire", ID), "say --yes"),
        (("credentials", "retire", ID, "--yes"), "there is no such credential"),
    ],
)
def test_a_command_says_in_a_line_what_is_wrong(paylink: Any, arguments: tuple[str, ...], says: str):
    done = paylink(*arguments)
    assert done.returncode == 1
    assert done.stderr.startswith("paylink: ")
    assert says in done.stderr
    assert len(done.stderr.splitlines()) == 1
