"""What an answer has left open is asked about again without a time, so that it is gone once it no longer holds."""

from typing import Any

from paylink.core.reconciliation import BY_SCHEDULE, RunOrder
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
