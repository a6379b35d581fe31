"""Discrepancies over HTTP: a merchant lists, shows and accepts its own, an operator all; no money moves by it."""

import json
from typing import Any

import pytest

from support.stack import Answer, Stack
from support.tenants import ask, make_key, make_tenant


def missing_money(stack: Stack, count: int = 1) -> list[str]:
    """Have a run find payments that the provider does not know; return their transactions, the oldest first."""
    ids = [stack.paid()["id"] for _ in range(count)]
    stack.rows("update provider_references set value = value || '_gone' where kind <> 'attempt'")
    times = {"created_from": "2020-01-01", "created_to": "2100-01-01"}
    assert len(stack.reconcile(settlements=False, **times)["discrepancies"]) == count
    return ids


def listed(answer: Answer) -> list[str]:
    assert answer.status == 200, answer
    return [one["transaction_id"] for one in answer.body["discrepancies"]]


def newest(stack: Stack) -> dict[str, Any]:
    return dict(stack.merchant("GET", "/v1/discrepancies").body["discrepancies"][0])


def resolve(stack: Stack, discrepancy_id: str, note: object = "the shop knows") -> Answer:
    return stack.merchant("POST", f"/v1/discrepancies/{discrepancy_id}/resolve", {"note": note})


def test_a_merchant_lists_its_own_the_newest_first_in_pages(stack: Stack):
    ids = missing_money(stack, 3)
    other = make_tenant(stack, "Other")
    assert set(listed(stack.merchant("GET", "/v1/discrepancies"))) == set(ids)
    assert listed(ask(stack, other.key, "GET", "/v1/discrepancies")) == []
    first = stack.merchant("GET", "/v1/discrepancies?limit=2")
    second = stack.merchant("GET", f"/v1/discrepancies?limit=2&cursor={first.body['next_cursor']}")
    assert sorted(listed(first) + listed(second)) == sorted(ids)
    assert second.body["next_cursor"] is None
    assert set(listed(stack.operator("GET", "/v1/discrepancies"))) == set(ids)


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("state=open", 2),
        ("state=resolved", 0),
        ("kind=missing_at_provider", 2),
        ("kind=duplicate", 0),
        ("provider=stripe&currency=IDR", 2),
        ("provider=xendit", 0),
        ("currency=USD", 0),
        ("since=2020-01-01", 2),
        ("since=2100-01-01T00:00:00Z", 0),
    ],
)
def test_each_filter_narrows_for_both_kinds_of_key(stack: Stack, query: str, count: int):
    missing_money(stack, 2)
    for caller in (stack.merchant, stack.operator):
        assert len(listed(caller("GET", f"/v1/discrepancies?{query}"))) == count


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("state=gone", "state"),
        ("kind=x", "kind"),
        ("provider=A%20B", "provider"),
        ("currency=idr", "currency"),
        ("since=yesterday", "since"),
        ("cursor=1", "cursor"),
        ("limit=0", "limit"),
        ("transaction_id=1", "transaction_id"),
        ("merchant_id=01a204c2-0e66-7171-9112-384448eabd50", "merchant_id"),
    ],
)
def test_what_cannot_be_asked_for_is_refused_by_its_name(stack: Stack, query: str, field: str):
    answer = stack.merchant("GET", f"/v1/discrepancies?{query}")
    assert (answer.status, answer.problem) == (422, "invalid-fields")
    assert [error["field"] for error in answer.body["errors"]] == [field]


def test_one_is_shown_with_both_sides_and_its_history(stack: Stack):
    [transaction_id] = missing_money(stack)
    one = newest(stack)
    shown = stack.merchant("GET", f"/v1/discrepancies/{one['id']}").body
    assert {name: shown[name] for name in one} == one
    assert (shown["evidence"]["ours"]["state"], shown["evidence"]["ours"]["captured"]) == ("paid", 150_000)
    assert shown["evidence"]["theirs"] == {"state": None}
    [step] = shown["history"]
    assert (step["state"], step["run_id"], step["by"]) == ("open", one["run_id"], None)
    assert shown["transaction_id"] == transaction_id


def test_what_a_repair_would_make_of_our_side_is_told_beside_both(stack: Stack):
    answer = stack.checkout()
    stack.fault("webhook_drop")
    stack.pay(answer.body["checkout_url"])
    stack.await_deliveries()
    stack.reconcile(repair="none", settlements=False)
    evidence = stack.merchant("GET", f"/v1/discrepancies/{newest(stack)['id']}").body["evidence"]
    assert [evidence[side]["state"] for side in ("ours", "theirs", "after")] == ["pending", "paid", "paid"]
    assert (evidence["after"]["captured"], evidence["after"]["refunded"]) == (150_000, 0)


def test_accepting_one_keeps_who_did_it_and_why_and_moves_no_money(stack: Stack):
    [transaction_id] = missing_money(stack)
    one, before = newest(stack), stack.transaction(transaction_id)
    answer = resolve(stack, one["id"], "  given back by hand, ticket 4711 ")
    prefix = stack.rows("select prefix from api_keys")[0]["prefix"]
    assert (answer.status, answer.body["state"], answer.body["resolution"]) == (200, "resolved", "accepted")
    assert (answer.body["resolved_by"], answer.body["note"]) == (prefix, "given back by hand, ticket 4711")
    assert [step["by"] for step in answer.body["history"]] == [None, prefix]
    assert stack.merchant("GET", f"/v1/discrepancies/{one['id']}").body == answer.body
    assert stack.transaction(transaction_id) == before
    [audit] = stack.rows("select made_by, action, subject_id::text, details from operator_audit")
    assert (audit["made_by"], audit["action"], audit["subject_id"]) == (prefix, "discrepancy.accepted", one["id"])
    assert audit["details"] == {"note": "given back by hand, ticket 4711"}
    stack.reconcile(settlements=False, created_from="2020-01-01", created_to="2100-01-01")
    assert listed(stack.merchant("GET", "/v1/discrepancies?state=open")) == []


def test_a_second_time_it_is_told_that_it_is_resolved(stack: Stack):
    missing_money(stack)
    one = newest(stack)
    first = resolve(stack, one["id"], "the first")
    second = stack.operator("POST", f"/v1/discrepancies/{one['id']}/resolve", {"note": "the second"})
    assert (first.status, second.status, second.problem) == (200, 409, "already-resolved")
    assert "transaction" not in json.dumps(second.body)
    assert stack.merchant("GET", f"/v1/discrepancies/{one['id']}").body == first.body
    assert len(stack.rows("select 1 from operator_audit")) == 1


@pytest.mark.parametrize("note", ["", "   ", "a\nb", "x" * 1001, None, 5, "\ud800"], ids=repr)
def test_without_a_note_that_says_why_nothing_is_accepted(stack: Stack, note: object):
    missing_money(stack)
    one = newest(stack)
    answer = resolve(stack, one["id"], note)
    assert (answer.status, [error["field"] for error in answer.body["errors"]]) == (422, ["note"])
    assert stack.merchant("POST", f"/v1/discrepancies/{one['id']}/resolve").status in (400, 415, 422)
    assert newest(stack) == one


def test_another_merchants_is_neither_shown_nor_accepted(stack: Stack):
    missing_money(stack)
    one, other = newest(stack), make_tenant(stack, "Other")
    nobodys = "01a204c2-0e66-7171-9112-384448eabd50"
    for method, path, body in (("GET", "", None), ("POST", "/resolve", {"note": "mine now"})):
        theirs, none = (
            ask(stack, other.key, method, f"/v1/discrepancies/{name}{path}", body) for name in (one["id"], nobodys)
        )
        assert (theirs.status, theirs.body) == (404, none.body)
    assert newest(stack) == one


def test_an_operator_accepts_any_with_the_scope_for_it(stack: Stack):
    missing_money(stack)
    one = newest(stack)
    path = f"/v1/discrepancies/{one['id']}"
    refused = ask(stack, make_key(stack, ["merchants:write"], None), "POST", f"{path}/resolve", {"note": "x"})
    assert (refused.status, refused.problem) == (403, "forbidden")
    key = make_key(stack, ["reconcile:write"], None)
    assert ask(stack, key, "GET", path).body["state"] == "open"
    accepted = ask(stack, key, "POST", f"{path}/resolve", {"note": "asked the bank"})
    assert (accepted.status, accepted.body["resolved_by"]) == (200, key[:16])


def test_two_who_accept_it_at_once_are_told_apart(stack: Stack):
    from concurrent.futures import ThreadPoolExecutor

    missing_money(stack)
    one = newest(stack)
    with ThreadPoolExecutor(6) as threads:
        answers = list(threads.map(lambda n: resolve(stack, one["id"], f"by {n}"), range(6)))
    assert sorted(answer.status for answer in answers) == [200] + [409] * 5
    assert len(stack.rows("select 1 from discrepancy_history where resolution = 'accepted'")) == 1
