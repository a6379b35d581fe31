"""Operators show and replace a merchant's routing, by route and by command."""

import json
import subprocess
from collections.abc import Callable
from typing import Any

import psycopg2
import pytest

from paylink.store.routing import Routings
from support.stack import Answer, Stack
from support.tenants import make_key

Command = Callable[..., "subprocess.CompletedProcess[str]"]
STRIPE = {"provider": "stripe", "account": "default"}
XENDIT = {"provider": "xendit", "account": "default"}


def path(stack: Stack) -> str:
    return f"/v1/merchants/{stack.rows('select id from merchants')[0]['id']}/routing"


def put(stack: Stack, rules: list[Any], **more: Any) -> Answer:
    return stack.operator("PUT", path(stack), {"rules": rules} | more)


def test_before_any_change_there_are_no_rules(stack: Stack):
    answer = stack.operator("GET", path(stack))
    assert answer.status == 200
    assert (answer.body["version"], answer.body["rules"], answer.body["changed_by"]) == (0, [], None)
    assert all(account["without_rules"] for account in answer.body["accounts"])


def test_rules_are_shown_as_they_were_given(stack: Stack):
    split = [STRIPE | {"weight": 80}, XENDIT | {"weight": 20}]
    rules = [
        {"currency": "IDR", "amount_min": 1, "amount_max": 500_000, "accounts": split},
        {"payment_methods": ["card", "qris"], "accounts": [XENDIT | {"weight": 1}]},
    ]
    answer = put(stack, rules)
    assert (answer.status, answer.body["rules"], answer.body["version"]) == (200, rules, 1)
    assert answer.body["changed_by"] == stack.environ["PAYLINK_DEMO_OPERATOR_KEY"][:16]
    assert stack.operator("GET", path(stack)).body == answer.body


def test_accounts_without_weights_stand_in_one_after_the_other(stack: Stack):
    answer = put(stack, [{"accounts": [XENDIT, STRIPE]}])
    assert [account["weight"] for account in answer.body["rules"][0]["accounts"]] == [1, 0]


@pytest.mark.parametrize(
    ("rule", "field"),
    [
        ({}, "rules.0.accounts"),
        ({"accounts": []}, "rules.0.accounts"),
        ({"accounts": [STRIPE, STRIPE]}, "rules.0.accounts"),
        ({"accounts": [STRIPE | {"weight": 1}, XENDIT]}, "rules.0.accounts"),
        ({"accounts": [STRIPE | {"weight": 0}]}, "rules.0.accounts"),
        ({"accounts": [STRIPE | {"weight": -1}]}, "rules.0.accounts.0.weight"),
        ({"accounts": [STRIPE | {"weight": 1.5}]}, "rules.0.accounts.0.weight"),
        ({"accounts": [{"provider": "stripe", "account": "nobody"}]}, "rules.0.accounts.0"),
        ({"accounts": [STRIPE], "amount_min": 1}, "rules.0.currency"),
        ({"accounts": [STRIPE], "currency": "IDR", "amount_min": 2, "amount_max": 1}, "rules.0.amount_max"),
        ({"accounts": [STRIPE], "currency": "idr"}, "rules.0.currency"),
        ({"accounts": [STRIPE], "currency": "IDR", "amount_min": 0}, "rules.0.amount_min"),
        ({"accounts": [STRIPE], "currency": "XXX"}, "rules.0.accounts.0"),
        ({"accounts": [STRIPE], "currency": "IDR", "payment_methods": ["qris"]}, "rules.0.accounts.0"),
        ({"accounts": [STRIPE], "payment_methods": ["cash"]}, "rules.0.payment_methods.0"),
        ({"accounts": [STRIPE], "priority": 1}, "rules.0.priority"),
    ],
    ids=str,
)
def test_a_rule_that_cannot_be_is_named(stack: Stack, rule: dict[str, Any], field: str):
    answer = put(stack, [rule])
    assert (answer.status, [error["field"] for error in answer.body["errors"]]) == (422, [field])
    assert stack.operator("GET", path(stack)).body["version"] == 0


def test_a_rule_behind_one_that_takes_everything_never_decides(stack: Stack):
    answer = put(stack, [{"accounts": [STRIPE]}, {"currency": "IDR", "accounts": [XENDIT]}])
    assert (answer.status, answer.body["errors"][0]["field"]) == (422, "rules.1")


def test_another_merchants_account_is_like_one_that_is_not_there(stack: Stack):
    stack.rows(
        "with other as (insert into merchants (id, name) values (gen_random_uuid(), 'Other') returning id)"
        " insert into provider_accounts (id, merchant_id, provider, name, is_default, has_short_address)"
        " select gen_random_uuid(), other.id, 'stripe', 'theirs', true, false from other"
    )
    theirs, nobodys = ({"provider": "stripe", "account": name} for name in ("theirs", "nobodys"))
    told = [put(stack, [{"accounts": [account]}]).body["errors"] for account in (theirs, nobodys)]
    assert told[0] == told[1]


def test_a_change_can_be_bound_to_the_version_that_was_read(stack: Stack):
    assert put(stack, [{"accounts": [STRIPE]}], version=0).status == 200
    late = put(stack, [{"accounts": [XENDIT]}], version=0)
    assert (late.status, late.problem) == (409, "routing-changed")
    assert put(stack, [], version=1).body["rules"] == []


def test_every_version_is_kept_with_who_made_it(stack: Stack):
    put(stack, [{"accounts": [STRIPE]}])
    put(stack, [])
    rows = stack.rows("select version, jsonb_array_length(rules) as rules from routing_rules order by version")
    assert rows == [{"version": 1, "rules": 1}, {"version": 2, "rules": 0}]
    with pytest.raises(psycopg2.errors.RestrictViolation):
        stack.rows("update routing_rules set changed_by = 'nobody'")


def test_every_change_is_in_the_trail_of_what_operators_did(stack: Stack):
    merchant_id = path(stack).split("/")[3]
    put(stack, [{"accounts": [STRIPE]}])
    put(stack, [{"accounts": [XENDIT]}], version=0)
    put(stack, [{"accounts": [STRIPE, STRIPE]}])
    put(stack, [])
    trail = stack.operator("GET", f"/v1/audit?subject_id={merchant_id}&merchant_id={merchant_id}").body["audit"]
    by = stack.environ["PAYLINK_DEMO_OPERATOR_KEY"][:16]
    told = [(one["action"], one["by"], one["details"]) for one in trail]
    assert told == [("routing.replaced", by, {"version": version}) for version in (2, 1)]


@pytest.mark.parametrize("merchant", ["0b8f2b7e-3f0c-4c39-9f4e-6b0b8d6d3a11", "not-a-uuid"])
def test_an_unknown_merchant_is_not_found(stack: Stack, merchant: str):
    for method, body in (("GET", None), ("PUT", {"rules": []})):
        status = stack.operator(method, f"/v1/merchants/{merchant}/routing", body).status
        assert status == (422 if merchant == "not-a-uuid" else 404)


def test_only_an_operator_with_the_scope_is_let_in(stack: Stack):

    def asked_with(method: str, scope: str) -> int:
        body = {"rules": []} if method == "PUT" else None
        key = make_key(stack, [scope], None)
        return stack.call(method, path(stack), body, headers={"Authorization": f"Bearer {key}"}).status

    for method, scope, other in (
        ("GET", "merchants:read", "merchants:write"),
        ("PUT", "merchants:write", "merchants:read"),
    ):
        assert stack.call(method, path(stack)).status == 401
        assert stack.merchant(method, path(stack)).status == 403
        assert asked_with(method, other) == 403
        assert asked_with(method, scope) == 200


def test_a_change_is_seen_within_seconds(stack: Stack):
    now = [0.0]
    routings = Routings(stack.deps.database, lambda: now[0])
    merchant_id = stack.rows("select id from merchants")[0]["id"]
    assert routings.of(merchant_id).version == 0
    put(stack, [{"accounts": [STRIPE]}])
    assert routings.of(merchant_id).version == 0
    now[0] = 5.0
    assert routings.of(merchant_id).version == 1


def test_the_command_replaces_shows_and_tries_rules(stack: Stack, paylink: Command, tmp_path: Any):
    file = tmp_path / "rules.json"
    rules = [{"currency": "IDR", "accounts": [STRIPE | {"weight": 3}, XENDIT | {"weight": 1}]}, {"accounts": [STRIPE]}]
    file.write_text(json.dumps({"rules": rules}))
    done = paylink("routing", "set", "Demo merchant", str(file))
    assert done.returncode == 0, done.stderr
    assert "version 1" in done.stdout
    assert "by command" in done.stdout
    shown = json.loads(paylink("routing", "show", "Demo merchant", "--json").stdout)
    assert shown["rules"][0] == rules[0]
    tried = json.loads(
        paylink("routing", "test", shown["merchant_id"], "--amount", "150000", "--currency", "IDR", "--json").stdout
    )
    assert tried["rule"] == 0
    assert [(one["provider"], one["share_percent"]) for one in tried["accounts"]] == [("stripe", 75), ("xendit", 25)]
    limited = paylink("routing", "test", "Demo merchant", "--amount", "1", "--currency", "IDR", "--method", "qris")
    assert limited.returncode == 0, limited.stderr
    assert "stripe has card" in limited.stdout
    assert "100 %" in limited.stdout


def test_the_command_tells_what_is_wrong(stack: Stack, paylink: Command, tmp_path: Any):
    assert "there is no merchant nobody" in paylink("routing", "show", "nobody").stderr
    file = tmp_path / "rules.json"
    file.write_text('{"rules": [{"accounts": [{"provider": "stripe", "account": "nobody"}]}]}')
    done = paylink("routing", "set", "Demo merchant", str(file))
    assert done.returncode == 1
    assert "paylink: rules.0.accounts.0: no account" in done.stderr
    assert paylink("routing", "set", "Demo merchant", str(tmp_path / "none.json")).returncode == 1
