"""Merchants over the API: made once, renamed, suspended and resumed, with a trail."""

import threading
import uuid
from dataclasses import replace
from typing import Any

import psycopg2
import pytest

from paylink.core.keyring import Keyring
from support.signing import intent_event
from support.stack import Stack

UNKNOWN = "01a204c2-0e66-7171-9112-384448eabd50"


def create(stack: Stack, name: str, key: str | None = None) -> Any:
    headers = {"Authorization": f"Bearer {stack.environ['PAYLINK_DEMO_OPERATOR_KEY']}"}
    headers["Idempotency-Key"] = key or uuid.uuid4().hex
    return stack.call("POST", "/v1/merchants", {"name": name}, headers=headers)


def trail(stack: Stack, **query: str) -> list[tuple[str, str]]:
    """Return action and author of what is told, the newest first."""
    asked = "&".join(f"{name}={value}" for name, value in query.items())
    answer = stack.operator("GET", f"/v1/audit?{asked}")
    assert answer.status == 200, answer
    return [(one["action"], one["by"]) for one in answer.body["audit"]]


def test_a_merchant_is_made_shown_and_listed(stack: Stack):
    made = create(stack, "Warung Kopi")
    assert (made.status, made.body["name"], made.body["state"]) == (201, "Warung Kopi", "active")
    assert made.headers["Location"] == f"/v1/merchants/{made.body['id']}"
    assert stack.operator("GET", made.headers["Location"]).body == made.body
    page = stack.operator("GET", "/v1/merchants?limit=1").body
    assert page["merchants"] == [made.body]
    rest = stack.operator("GET", f"/v1/merchants?cursor={page['next_cursor']}").body
    assert ([m["name"] for m in rest["merchants"]], rest["next_cursor"]) == (["Demo merchant"], None)
    by = stack.environ["PAYLINK_DEMO_OPERATOR_KEY"][:16]
    assert trail(stack, subject_id=made.body["id"]) == [("merchant.created", by)]


def test_a_repeated_request_makes_one_merchant(stack: Stack):
    first, again = create(stack, "Warung Kopi", "k"), create(stack, "Warung Kopi", "k")
    assert again.body == first.body
    assert (first.headers.get("Idempotency-Replayed"), again.headers["Idempotency-Replayed"]) == (None, "true")
    other = create(stack, "Warung Teh", "k")
    assert (other.status, other.problem) == (422, "idempotency-key-reused")
    assert stack.rows("select count(*) as n from merchants") == [{"n": 2}]


def test_requests_with_one_key_at_once_make_one_merchant(stack: Stack):
    answers: list[Any] = []
    threads = [threading.Thread(target=lambda: answers.append(create(stack, "Warung Kopi", "k"))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {answer.status for answer in answers} == {201}
    assert len({answer.body["id"] for answer in answers}) == 1
    assert sum("Idempotency-Replayed" not in answer.headers for answer in answers) == 1


def test_a_repeated_request_is_known_while_the_pepper_is_changed(stack: Stack):
    """By those with the new one first, and by those that have the old one first still."""
    old = stack.deps.settings
    new = Keyring("k9", {"k9": b"9" * 32, **old.api_key_peppers.keys})
    first = create(stack, "Warung Kopi", "k")
    stack.deps.__dict__["settings"] = replace(old, api_key_peppers=new)
    assert create(stack, "Warung Kopi", "k").body == first.body
    assert create(stack, "Warung Teh", "k").problem == "idempotency-key-reused"
    later = create(stack, "Warung Teh", "k2")
    ids = {"k1": old.api_key_peppers.keys["k1"], "k9": new.keys["k9"]}
    stack.deps.__dict__["settings"] = replace(old, api_key_peppers=Keyring("k1", ids))
    assert create(stack, "Warung Teh", "k2").body == later.body


def test_a_refused_request_leaves_its_key_free(stack: Stack):
    taken = create(stack, "Demo merchant", "k")
    assert (taken.status, taken.problem) == (409, "name-taken")
    assert create(stack, "Warung Kopi", "k").status == 201


def test_the_keys_of_repeated_requests_are_forgotten_after_three_days(stack: Stack):
    create(stack, "Warung Kopi", "k")
    for hours, left in ((71, 1), (2, 0)):
        stack.rows("update operator_requests set created_at = created_at - make_interval(hours => %s)", hours)
        stack.functions["relay_events"].call({})
        assert stack.rows("select count(*) as n from operator_requests") == [{"n": left}]


def test_a_merchant_is_renamed(stack: Stack):
    merchant_id = create(stack, "Warung Kopi").body["id"]
    renamed = stack.operator("PATCH", f"/v1/merchants/{merchant_id}", {"name": "Warung Teh"})
    assert (renamed.status, renamed.body["name"]) == (200, "Warung Teh")
    taken = stack.operator("PATCH", f"/v1/merchants/{merchant_id}", {"name": "Demo merchant"})
    assert (taken.status, taken.problem) == (409, "name-taken")
    assert stack.operator("PATCH", f"/v1/merchants/{merchant_id}", {"name": "Warung Teh"}).status == 200
    assert [action for action, _ in trail(stack, subject_id=merchant_id)] == ["merchant.renamed", "merchant.created"]
    details = stack.operator("GET", f"/v1/audit?merchant_id={merchant_id}").body["audit"][0]["details"]
    assert details == {"was": "Warung Kopi", "name": "Warung Teh"}


def test_money_arrives_while_a_merchant_is_suspended(stack: Stack):
    transaction_id = stack.checkout().body["id"]
    merchant_id = stack.rows("select id from merchants")[0]["id"]
    assert stack.operator("PATCH", f"/v1/merchants/{merchant_id}", {"suspended": True}).body["state"] == "suspended"
    assert stack.checkout().problem == "merchant-suspended"
    stack.deliver(intent_event("succeeded", "evt_1", stack.attempt_id(transaction_id)))
    stack.settle()
    assert stack.rows("select state from transactions") == [{"state": "paid"}]
    assert stack.operator("PATCH", f"/v1/merchants/{merchant_id}", {"suspended": False}).body["state"] == "active"
    assert stack.transaction(transaction_id)["state"] == "paid"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "name"),
        ({"name": ""}, "name"),
        ({"name": "x" * 101}, "name"),
        ({"name": "a\nb"}, "name"),
        ({"name": 1}, "name"),
        ({"name": None}, "name"),
        ({"name": "\ud800"}, "name"),
        ({"name": "a", "id": UNKNOWN}, "id"),
    ],
)
def test_a_field_that_cannot_be_is_named(stack: Stack, body: dict[str, Any], field: str):
    headers = {"Authorization": f"Bearer {stack.environ['PAYLINK_DEMO_OPERATOR_KEY']}", "Idempotency-Key": "k"}
    answer = stack.call("POST", "/v1/merchants", body, headers=headers)
    assert answer.status in (400, 422), answer
    if answer.status == 422:
        assert [error["field"] for error in answer.body["errors"]] == [field]
    assert stack.rows("select count(*) as n from merchants") == [{"n": 1}]


def test_what_is_not_there_is_404_and_a_creation_needs_a_key(stack: Stack):
    assert stack.operator("GET", f"/v1/merchants/{UNKNOWN}").status == 404
    assert stack.operator("PATCH", f"/v1/merchants/{UNKNOWN}", {"name": "a"}).status == 404
    assert stack.operator("GET", "/v1/merchants/x").status == 422
    assert stack.operator("GET", "/v1/merchants?name=x").status == 422
    assert stack.operator("POST", "/v1/merchants", {"name": "a"}).problem == "idempotency-key-missing"


def test_the_trail_cannot_be_changed(stack: Stack):
    create(stack, "Warung Kopi")
    for change in ("update operator_audit set made_by = 'x'", "delete from operator_audit"):
        with pytest.raises(psycopg2.errors.RestrictViolation):
            stack.rows(change)
