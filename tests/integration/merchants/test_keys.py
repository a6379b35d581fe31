"""API keys over the API: told once, rotated with an overlap, revoked; and when they were last used."""

import base64
import json
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from paylink.core.errors import LastOperatorKey, Unauthenticated
from paylink.core.keyring import Keyring
from paylink.core.secret import Secret
from paylink.runtime.wiring import Deps
from paylink.services.keys import NewKey
from paylink.services.operator import COMMAND
from support.stack import Answer, Stack
from support.tenants import ask, key_row, make_key

UNKNOWN = "01a204c2-0e66-7171-9112-384448eabd50"


@pytest.fixture
def merchant_id(stack: Stack) -> str:
    return str(stack.rows("select id from merchants")[0]["id"])


def post(stack: Stack, path: str, body: Any, key: str | None = None) -> Answer:
    """Send a request that creates, as the demo operator."""
    operator = stack.environ["PAYLINK_DEMO_OPERATOR_KEY"]
    return ask(stack, operator, "POST", path, body, idempotency_key=key or uuid.uuid4().hex)


def await_that(holds: Callable[[], bool]) -> None:
    for _ in range(200):
        if holds():
            return
        time.sleep(0.02)
    assert holds()


def test_a_key_is_told_once_and_works(stack: Stack, merchant_id: str):
    wanted = {"merchant_id": merchant_id, "name": "shop", "scopes": ["tx:read", "checkout:write", "tx:read"]}
    made = post(stack, "/v1/keys", wanted)
    assert made.status == 201, made
    key = made.body.pop("key")
    assert key.startswith(made.body["prefix"] + "_")
    assert made.body["scopes"] == ["tx:read", "checkout:write"]
    assert (made.body["state"], made.body["expires_at"], made.body["last_used_at"]) == ("live", None, None)
    assert ask(stack, key, "GET", f"/v1/tx/{UNKNOWN}").status == 404
    assert stack.operator("GET", f"/v1/keys/{made.body['id']}").body["prefix"] == made.body["prefix"]
    tables = ("api_keys", "operator_requests", "operator_audit")
    stored = json.dumps([stack.rows(f"select * from {table}") for table in tables], default=str)
    assert key not in stored
    assert key[17:] not in stored


def test_a_repeated_request_makes_one_key_and_tells_it_to_nobody(stack: Stack, merchant_id: str):
    wanted = {"merchant_id": merchant_id, "name": "shop", "scopes": ["tx:read"]}
    first, again = post(stack, "/v1/keys", wanted, "k"), post(stack, "/v1/keys", wanted, "k")
    assert (again.status, again.headers["Idempotency-Replayed"], again.body["key"]) == (201, "true", None)
    assert {**first.body, "key": None} == again.body
    assert stack.rows("select count(*) as n from api_keys where name = 'shop'") == [{"n": 1}]
    assert stack.operator("POST", f"/v1/keys/{again.body['id']}/revoke").body["state"] == "revoked"
    assert ask(stack, first.body["key"], "GET", f"/v1/tx/{UNKNOWN}").status == 401


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"scopes": []}, "scopes"),
        ({"scopes": ["merchants:write"]}, "scopes.0"),
        ({"scopes": ["tx:read", "everything"]}, "scopes.1"),
        ({"scopes": "tx:read"}, "scopes"),
        ({"scopes": ["tx:read"] * 21}, "scopes"),
        ({"expires_at": "2020-01-01"}, "expires_at"),
        ({"expires_at": "soon"}, "expires_at"),
        ({"expires_at": 5}, "expires_at"),
        ({"expires_at": (datetime.now(UTC) + timedelta(days=3651)).isoformat()}, "expires_at"),
        ({"expires_at": "9999-12-31T23:59:59Z"}, "expires_at"),
        ({"merchant_id": UNKNOWN}, "merchant_id"),
        ({"merchant_id": "x"}, "merchant_id"),
        ({"merchant_id": None}, "merchant_id"),
        ({"operator": True}, "merchant_id"),
        ({"operator": "yes"}, "operator"),
        ({"name": ""}, "name"),
        ({"key": "plm_mine"}, "key"),
    ],
)
def test_a_field_that_cannot_be_is_named(stack: Stack, merchant_id: str, change: dict[str, Any], field: str):
    wanted = {"merchant_id": merchant_id, "name": "shop", "scopes": ["tx:read"]} | change
    answer = post(stack, "/v1/keys", wanted)
    assert (answer.status, [error["field"] for error in answer.body["errors"]]) == (422, [field]), answer
    assert stack.rows("select count(*) as n from api_keys") == [{"n": 1}]


def test_the_list_is_narrowed(stack: Stack, merchant_id: str):
    key = make_key(stack, ["metrics:read"], None)
    make_key(stack, ["tx:read"], uuid.UUID(merchant_id))
    stack.deps.keys.revoke(key_row(stack, key)["id"], COMMAND)

    def listed(query: str) -> list[str]:
        answer = stack.operator("GET", f"/v1/keys?{query}")
        assert answer.status == 200, answer
        return [f"{one['prefix'][:3]} {one['name']} {one['state']}" for one in answer.body["keys"]]

    assert listed("operator=true") == ["plo test revoked", "plo demo metrics live", "plo demo live"]
    assert listed(f"merchant_id={merchant_id}") == ["plm test live", "plm demo live"]
    assert listed("state=revoked") == ["plo test revoked"]
    assert listed("state=live&operator=false") == ["plm test live", "plm demo live"]
    assert listed("pepper=k1&limit=1") == ["plm test live"]
    assert listed("pepper=k0") == []
    for wrong in ("state=dead", "operator=yes", "merchant_id=x", "limit=0", "colour=red"):
        assert stack.operator("GET", f"/v1/keys?{wrong}").status == 422


# Rotation


def test_both_keys_live_while_they_overlap(stack: Stack, merchant_id: str):
    old = make_key(stack, ["tx:read", "events:read"], uuid.UUID(merchant_id))
    old_id = key_row(stack, old)["id"]
    before = datetime.now(UTC)
    answer = post(stack, f"/v1/keys/{old_id}/rotate", {"overlap_hours": 5})
    assert answer.status == 201, answer
    new = answer.body["key"]
    for key in (old, new):
        assert ask(stack, key, "GET", "/v1/events").status == 200
    assert (answer.body["name"], answer.body["scopes"], answer.body["expires_at"]) == (
        "test",
        ["tx:read", "events:read"],
        None,
    )
    ends = datetime.fromisoformat(answer.body["predecessor"]["expires_at"])
    assert abs(ends - before - timedelta(hours=5)) < timedelta(minutes=1)
    assert answer.body["predecessor"]["successor_id"] == answer.body["id"]
    stack.rows("update api_keys set expires_at = now() where id = %s", old_id)
    assert ask(stack, old, "GET", "/v1/events").status == 401
    assert ask(stack, new, "GET", "/v1/events").status == 200


def test_the_overlap_is_a_day_unless_it_is_said_and_may_be_nothing(stack: Stack, merchant_id: str):
    for body, hours in (({}, 24), ({"overlap_hours": 0}, 0)):
        old = make_key(stack, ["events:read"], uuid.UUID(merchant_id))
        answer = post(stack, f"/v1/keys/{key_row(stack, old)['id']}/rotate", body)
        ends = datetime.fromisoformat(answer.body["predecessor"]["expires_at"])
        assert abs(ends - datetime.now(UTC) - timedelta(hours=hours)) < timedelta(minutes=1)
        assert ask(stack, old, "GET", "/v1/events").status == (200 if hours else 401)
    for wrong in (-1, 721, 1.5, "1", None):
        assert post(stack, f"/v1/keys/{UNKNOWN}/rotate", {"overlap_hours": wrong}).status == 422


def test_a_key_is_rotated_once(stack: Stack, merchant_id: str):
    """Also when the request comes again, with its key or without."""
    old_id = key_row(stack, make_key(stack, ["tx:read"], uuid.UUID(merchant_id)))["id"]
    first = post(stack, f"/v1/keys/{old_id}/rotate", {}, "k")
    again = post(stack, f"/v1/keys/{old_id}/rotate", {}, "k")
    assert (again.body["id"], again.body["key"]) == (first.body["id"], None)
    other = post(stack, f"/v1/keys/{old_id}/rotate", {})
    assert (other.status, other.problem) == (409, "key-ended")
    assert first.body["id"] in other.body["detail"]
    assert post(stack, f"/v1/keys/{first.body['id']}/rotate", {}).status == 201


def test_a_key_that_has_ended_is_not_rotated(stack: Stack, merchant_id: str):
    revoked, expired = (key_row(stack, make_key(stack, ["tx:read"], uuid.UUID(merchant_id)))["id"] for _ in range(2))
    stack.deps.keys.revoke(revoked, COMMAND)
    stack.rows("update api_keys set expires_at = now() where id = %s", expired)
    for key_id, state in ((revoked, "revoked"), (expired, "expired")):
        answer = post(stack, f"/v1/keys/{key_id}/rotate", {})
        assert (answer.status, state in answer.body["detail"]) == (409, True)
    assert post(stack, f"/v1/keys/{UNKNOWN}/rotate", {}).status == 404


def test_the_successor_of_a_key_that_expires_lives_as_long_again(stack: Stack, merchant_id: str):
    expires_at = datetime.now(UTC) + timedelta(days=30)
    old = make_key(stack, ["tx:read"], uuid.UUID(merchant_id), expires_at=expires_at)
    stack.rows("update api_keys set created_at = now() - interval '60 days' where prefix = %s", old[:16])
    answer = post(stack, f"/v1/keys/{key_row(stack, old)['id']}/rotate", {})
    lives = datetime.fromisoformat(answer.body["expires_at"]) - datetime.now(UTC)
    assert abs(lives - timedelta(days=90)) < timedelta(minutes=1)


def test_the_successor_of_a_key_that_was_to_live_for_ever_lives_for_ten_years(stack: Stack, merchant_id: str):
    old = make_key(stack, ["tx:read"], uuid.UUID(merchant_id), expires_at=datetime.now(UTC) + timedelta(days=3649))
    stack.rows("update api_keys set expires_at = '9999-12-31 23:59:59+00' where prefix = %s", old[:16])
    answer = post(stack, f"/v1/keys/{key_row(stack, old)['id']}/rotate", {})
    assert answer.status == 201, answer
    lives = datetime.fromisoformat(answer.body["expires_at"]) - datetime.now(UTC)
    assert abs(lives - timedelta(days=3650)) < timedelta(minutes=1)


def test_an_overlap_never_lengthens_a_life(stack: Stack, merchant_id: str):
    old = make_key(stack, ["tx:read"], uuid.UUID(merchant_id), expires_at=datetime.now(UTC) + timedelta(hours=1))
    answer = post(stack, f"/v1/keys/{key_row(stack, old)['id']}/rotate", {"overlap_hours": 720})
    assert datetime.fromisoformat(answer.body["predecessor"]["expires_at"]) < datetime.now(UTC) + timedelta(hours=2)


# Operators


def test_an_operator_hands_on_no_scope_that_it_has_not(stack: Stack):
    weak = make_key(stack, ["merchants:write", "metrics:read"], None)
    wanted = {"operator": True, "name": "x", "scopes": ["events:write"]}
    refused = ask(stack, weak, "POST", "/v1/keys", wanted)
    assert (refused.status, "events:write" in refused.body["detail"]) == (403, True)
    assert ask(stack, weak, "POST", "/v1/keys", wanted | {"scopes": ["metrics:read"]}).status == 201
    strong = key_row(stack, make_key(stack, ["events:write"], None))["id"]
    assert ask(stack, weak, "POST", f"/v1/keys/{strong}/rotate", {}).status == 403


def test_the_last_key_that_makes_keys_is_not_revoked_by_accident(stack: Stack):
    demo = stack.environ["PAYLINK_DEMO_OPERATOR_KEY"]
    demo_id = key_row(stack, demo)["id"]
    make_key(stack, ["merchants:read", "events:write"], None)
    make_key(stack, ["merchants:write"], None, expires_at=datetime.now(UTC) + timedelta(hours=23))
    refused = stack.operator("POST", f"/v1/keys/{demo_id}/revoke")
    assert (refused.status, refused.problem) == (409, "last-operator-key")
    make_key(stack, ["merchants:write"], None, expires_at=datetime.now(UTC) + timedelta(hours=25))
    assert stack.operator("POST", f"/v1/keys/{demo_id}/revoke").status == 200
    assert stack.operator("GET", "/v1/keys").status == 401


def test_a_key_that_is_not_let_in_any_more_does_not_stand_in_for_the_last_one(stack: Stack):
    demo_id = key_row(stack, stack.environ["PAYLINK_DEMO_OPERATOR_KEY"])["id"]
    dead_id = key_row(stack, make_key(stack, ["merchants:write"], None))["id"]
    stack.rows("update operator_keys set pepper_id = 'gone' where id = %s", dead_id)
    assert stack.operator("POST", f"/v1/keys/{demo_id}/revoke").problem == "last-operator-key"
    assert stack.operator("POST", f"/v1/keys/{dead_id}/revoke").status == 200


def test_in_production_no_demo_key_stands_in_for_the_last_one(stack: Stack):
    production = Deps(replace(stack.deps.settings, environment="production"))
    demo_id = key_row(stack, stack.environ["PAYLINK_DEMO_OPERATOR_KEY"])["id"]
    last_id = key_row(stack, make_key(stack, ["merchants:write"], None))["id"]
    with pytest.raises(LastOperatorKey):
        production.keys.revoke(last_id, COMMAND)
    assert production.keys.revoke(demo_id, COMMAND)["state"] == "revoked"
    with pytest.raises(LastOperatorKey):
        production.keys.revoke(last_id, COMMAND)
    production.database.close()


def test_two_keys_that_revoke_each_other_leave_one(stack: Stack):
    demo = stack.environ["PAYLINK_DEMO_OPERATOR_KEY"]
    for _ in range(5):
        other = make_key(stack, ["merchants:write", "merchants:read"], None)
        ids = [key_row(stack, key)["id"] for key in (demo, other)]
        refused: list[Exception] = []

        def revoke(key_id: Any, refused: list[Exception] = refused) -> None:
            try:
                stack.deps.keys.revoke(key_id, COMMAND)
            except LastOperatorKey as exc:
                refused.append(exc)

        threads = [threading.Thread(target=revoke, args=(key_id,)) for key_id in ids]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(refused) == 1
        stack.rows("update operator_keys set revoked_at = null where id = %s", ids[0])
        stack.rows("update operator_keys set revoked_at = now() where id = %s", ids[1])


def test_a_revoked_key_stays_as_it_is(stack: Stack, merchant_id: str):
    key_id = key_row(stack, make_key(stack, ["tx:read"], uuid.UUID(merchant_id)))["id"]
    first = stack.operator("POST", f"/v1/keys/{key_id}/revoke").body
    assert stack.operator("POST", f"/v1/keys/{key_id}/revoke").body == first
    actions = [one["action"] for one in stack.operator("GET", f"/v1/audit?subject_id={key_id}").body["audit"]]
    assert actions == ["key.revoked", "key.created"]


# Use


def test_a_use_is_noted_without_a_write_for_each(stack: Stack, merchant_id: str):
    key = make_key(stack, ["events:read"], uuid.UUID(merchant_id))
    for _ in range(20):
        assert ask(stack, key, "GET", "/v1/events").status == 200
    await_that(lambda: key_row(stack, key)["last_used_at"] is not None)
    stack.rows("update api_keys set last_used_at = null")
    for _ in range(20):
        ask(stack, key, "GET", "/v1/events")
    time.sleep(1.2)
    assert key_row(stack, key)["last_used_at"] is None, "it was written within this minute already"


def test_the_use_of_a_refused_key_is_not_noted(stack: Stack, merchant_id: str):
    key = make_key(stack, ["events:read"], uuid.UUID(merchant_id))
    assert ask(stack, key[:17] + "x" * 40, "GET", "/v1/events").status == 401
    time.sleep(0.3)
    assert key_row(stack, key)["last_used_at"] is None


def test_no_request_waits_for_a_key_that_is_being_changed(stack: Stack, merchant_id: str):
    """Nor does the change wait: what is noted skips a locked row."""
    key = make_key(stack, ["events:read"], uuid.UUID(merchant_id))

    def work(uow: Any) -> float:
        uow.first("lock_api_key", id=key_row(stack, key)["id"])
        began = time.monotonic()
        assert ask(stack, key, "GET", "/v1/events").status == 200
        time.sleep(0.5)
        return time.monotonic() - began

    assert stack.deps.database.run(work) < 1.5
    assert key_row(stack, key)["last_used_at"] is None


# Peppers


def peppers(*ids: str) -> Keyring:
    pairs = (f"{i}:{base64.b64encode(i.encode().ljust(32, b'.')).decode()}" for i in ids)
    return Keyring.parse("PAYLINK_API_KEY_PEPPERS", Secret(",".join(pairs)))


def with_peppers(stack: Stack, ring: Keyring) -> Deps:
    return Deps(replace(stack.deps.settings, api_key_peppers=ring))


def test_a_used_key_moves_to_the_pepper_in_use(stack: Stack, merchant_id: str):
    older = with_peppers(stack, peppers("p1"))
    issued = older.keys.create(NewKey(uuid.UUID(merchant_id), "rolled", ("tx:read",)), COMMAND)
    assert issued.secret is not None
    key = issued.secret.reveal()
    newer = with_peppers(stack, peppers("p2", "p1"))
    assert newer.keys.show(uuid.UUID(issued.created.body["id"]))["has_active_pepper"] is False
    newer.api_keys.authenticate(f"Bearer {key}")
    newer.key_use.close()
    await_that(lambda: bool(newer.keys.show(uuid.UUID(issued.created.body["id"]))["has_active_pepper"]))
    alone = with_peppers(stack, peppers("p2"))
    assert alone.api_keys.authenticate(f"Bearer {key}").key_prefix == key[:16]
    with pytest.raises(Unauthenticated):
        older.api_keys.authenticate(f"Bearer {key}")
    for deps in (newer, alone, older):
        deps.database.close()
