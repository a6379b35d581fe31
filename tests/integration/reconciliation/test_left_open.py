"""What an answer has left open is asked about again without a time, so that it is gone once it no longer holds."""

import time
from typing import Any

import pytest

from paylink.core.reconciliation import BY_SCHEDULE, RunOrder
from paylink.store import run_plans
from paylink.store.ids import new_id
from paylink.store.run_plans import insert_run, plan_run
from paylink.store.unit_of_work import UnitOfWork
from support.plans import ExplainingWrites, nodes
from support.stack import Stack

EVERYTHING = {"created_from": "2020-01-01", "created_to": "2100-01-01"}
DUE = RunOrder(None, BY_SCHEDULE, due_only=True, sample=0, settlements=False)


def left_open(stack: Stack) -> str:
    """A refund that nobody heard of, and that a run without repair has told; return its transaction's id."""
    paid = stack.paid()
    stack.fault("webhook_drop")
    stack.on_charge("refund")
    stack.await_deliveries()
    stack.reconcile(repair="none", settlements=False, **EVERYTHING)
    assert known(stack) == [("paid/refunded", "open", None)]
    return str(paid["id"])


def known(stack: Stack) -> list[tuple[Any, ...]]:
    rows = stack.rows("select difference, state, resolution from discrepancies order by id")
    return [tuple(row.values()) for row in rows]


def run_due(stack: Stack) -> bool:
    """Return whether there was something to ask about."""
    started = stack.deps.reconciliation.start(DUE, wake=False)
    stack.work_at_runs()
    return started is not None


def test_a_run_by_hand_asks_about_it_and_says_that_it_holds(stack: Stack):
    left_open(stack)
    for _ in range(2):
        report = stack.reconcile(repair="none", sample=0, settlements=False)
        assert (report["selected"], len(report["discrepancies"])) == (1, 1)
    report = stack.reconcile(sample=0, settlements=False)
    assert (report["selected"], report["changed"], known(stack)) == (1, 1, [("paid/refunded", "resolved", "repaired")])
    assert stack.reconcile(sample=0, settlements=False)["selected"] == 0


def test_the_schedule_asks_about_it_once_its_transaction_has_changed(stack: Stack):
    """Once: then it is gone."""
    transaction_id = left_open(stack)
    assert not run_due(stack)
    stack.send_lost_webhooks()
    stack.settle()
    assert stack.transaction(transaction_id)["state"] == "refunded"
    assert run_due(stack)
    assert known(stack) == [("paid/refunded", "resolved", "gone")]
    assert not run_due(stack)


def test_what_cannot_be_repaired_waits_for_a_run_by_hand(stack: Stack):
    """Its transaction may change and it may hold all the same: the schedule would ask time after time."""
    left_open(stack)
    stack.send_lost_webhooks()
    stack.settle()
    stack.rows("update discrepancies set evidence = evidence - 'after'")
    assert not run_due(stack)
    assert stack.reconcile(sample=0, settlements=False)["selected"] == 1
    assert known(stack) == [("paid/refunded", "resolved", "gone")]


def moved_on(stack: Stack) -> None:
    """One that is due, as its transaction has changed; and the provider gives no answer."""
    left_open(stack)
    stack.send_lost_webhooks()
    stack.settle()
    stack.fault("api_error_before", match="GET")


def let_pass(stack: Stack, minutes: int) -> None:
    stack.rows("update discrepancies set asked_at = asked_at - make_interval(mins => %s)", minutes)


def test_what_the_schedule_asks_about_in_vain_waits_an_hour(stack: Stack):
    moved_on(stack)
    assert run_due(stack)
    let_pass(stack, minutes=55)
    assert not run_due(stack)
    let_pass(stack, minutes=5)
    assert run_due(stack)
    stack.fault_off("api_error_before")
    let_pass(stack, minutes=60)
    assert run_due(stack)
    assert known(stack) == [("paid/refunded", "resolved", "gone")]


def test_what_is_asked_about_in_vain_holds_back_no_other(stack: Stack, monkeypatch: pytest.MonkeyPatch):
    """Which was asked about longest ago comes first."""
    moved_on(stack)
    stack.paid()
    stack.rows(
        "insert into discrepancies (id, merchant_id, account_id, provider, kind, subject, transaction_id, difference,"
        " currency, ours, theirs, evidence, found_by, state, run_id, last_run_id)"
        " select gen_random_uuid(), d.merchant_id, d.account_id, d.provider, kind, 'transaction:' || t.id, t.id,"
        ' difference, d.currency, ours, theirs, evidence || \'{"after": {"version": -1}}\', found_by, d.state,'
        " run_id, last_run_id from discrepancies d join transactions t on t.id <> d.transaction_id"
    )
    monkeypatch.setattr(run_plans, "DUE_MAX", 1)
    asked = []
    for _ in range(4):
        assert run_due(stack)
        [newest] = stack.rows("select id from discrepancies where asked_at is not null order by asked_at desc limit 1")
        asked.append(newest["id"])
        if len(asked) >= 2:
            let_pass(stack, minutes=60)
    assert asked[:2] == asked[2:]
    assert len(set(asked)) == 2


def test_only_a_merchant_s_own_and_only_what_the_run_is_about(stack: Stack):
    left_open(stack)
    assert stack.reconcile(repair="none", sample=0, provider="xendit")["selected"] == 0
    assert stack.reconcile(repair="none", sample=0, provider="stripe")["selected"] == 1
    stack.rows(
        "insert into merchants (id, name) values ('00000000-0000-7000-8000-000000000001', 'other');"
        " update discrepancies set merchant_id = '00000000-0000-7000-8000-000000000001'"
    )
    assert stack.reconcile(repair="none", sample=0)["selected"] == 0


def test_one_of_an_account_that_no_longer_holds_its_transaction_is_not_asked_about_for_ever(stack: Stack):
    """That account's answers tell nothing of it any more."""
    left_open(stack)
    stack.rows(
        "update discrepancies set account_id = (select id from provider_accounts where provider = 'xendit' limit 1)"
    )
    assert stack.reconcile(repair="none", sample=0)["selected"] == 0


def test_it_is_found_among_many_that_are_resolved_by_an_index(stack: Stack):
    left_open(stack)
    stack.rows(
        "insert into discrepancies (id, merchant_id, account_id, provider, kind, subject, difference, currency, ours,"
        " theirs, evidence, found_by, state, resolution, resolved_at, run_id, last_run_id)"
        " select gen_random_uuid(), merchant_id, account_id, provider, kind, 'line:' || n, difference, currency, ours,"
        " theirs, '{}', 'settlement', 'resolved', 'gone', now(), run_id, last_run_id"
        " from discrepancies, generate_series(1, 20000) n; analyze discrepancies"
    )
    plans: list[dict[str, Any]] = []

    def explain(uow: UnitOfWork) -> None:
        explaining = ExplainingWrites(uow)
        run_id = new_id()
        insert_run(uow, run_id, DUE, None)
        plan_run(explaining, run_id, DUE, None, ["stripe"])
        plans.extend(plan for _, plan in explaining.plans)

    stack.deps.database.run(explain)
    read = [node for node in nodes(plans[0]) if node.get("Relation Name") == "discrepancies"]
    assert read
    assert {node["Node Type"] for node in read} <= {"Index Scan", "Bitmap Heap Scan"}
    assert sum(node["Actual Rows"] + node.get("Rows Removed by Filter", 0) for node in read) <= 1


def test_what_is_asked_about_is_noted_at_once_however_much_is_open(stack: Stack):
    """Also while Postgres thinks that there is little: each of it is not compared with each that is asked about."""
    left_open(stack)
    stack.rows(
        "analyze discrepancies;"
        " insert into discrepancies (id, merchant_id, account_id, provider, kind, subject, transaction_id, difference,"
        " currency, ours, theirs, evidence, found_by, state, run_id, last_run_id)"
        " select gen_random_uuid(), merchant_id, account_id, provider, kind, 'line:' || n, transaction_id, difference,"
        " currency, ours, theirs, '{}', found_by, state, run_id, last_run_id"
        " from discrepancies, generate_series(1, 10000) n"
    )

    def plan(uow: UnitOfWork) -> float:
        run_id = new_id()
        insert_run(uow, run_id, DUE, None)
        with uow._connection.cursor() as cursor:
            cursor.execute(
                "insert into reconciliation_batches (run_id, number, account_id, provider, transaction_ids)"
                " select %s, 1, account_id, provider, array(select gen_random_uuid() from generate_series(1, 5000))"
                " from discrepancies limit 1",
                [str(run_id)],
            )
        began = time.monotonic()
        run_plans.note_asked(uow, run_id)
        return time.monotonic() - began

    assert stack.deps.database.run(plan, deadline_s=60) < 1
