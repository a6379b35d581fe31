"""How many runs and how large a merchant may start, and that a run is known to be under way while it is planned."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from paylink.core.errors import StorageUnavailable
from paylink.core.reconciliation import BY_COMMAND, BY_SCHEDULE, UNDER_WAY_MAX, RunOrder
from paylink.store import reconciliation as runs
from paylink.store import run_plans as plans
from paylink.store.unit_of_work import UnitOfWork
from paylink_local.commands.reconcile import summary
from support.stack import Answer, Stack

EVERYTHING = {"created_from": "2020-01-01", "created_to": "2100-01-01"}
SAMPLES = 7
"""A number that is nobody's default."""


def start(stack: Stack, number: int | None = None, **order: Any) -> Answer:
    """Ask for a run; each `number` is another scope."""
    times = {} if number is None else EVERYTHING | {"created_from": f"20{number:02}-01-01"}
    return stack.merchant("POST", "/v1/reconcile", times | order)


def stored(stack: Stack) -> list[dict[str, Any]]:
    return stack.rows("select id, state, planned_at from reconciliation_runs order by id")


def test_a_merchant_has_so_many_runs_under_way_and_is_told_when_to_come_back(stack: Stack):
    stack.checkout()
    assert [start(stack, number).status for number in range(UNDER_WAY_MAX)] == [202] * UNDER_WAY_MAX
    refused = start(stack, UNDER_WAY_MAX)
    assert (refused.status, refused.problem, refused.headers["Retry-After"]) == (429, "too-many-runs", "30")
    assert (start(stack, 0).status, start(stack, 0).problem) == (409, "reconciliation-running")
    assert len(stored(stack)) == UNDER_WAY_MAX
    stack.work_at_runs()
    assert start(stack, UNDER_WAY_MAX).status == 202


def test_runs_that_are_asked_for_at_once_are_counted_one_by_one(stack: Stack):
    stack.checkout()
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda number: start(stack, number), range(UNDER_WAY_MAX + 5)))
    assert sorted(answer.status for answer in answers) == [202] * UNDER_WAY_MAX + [429] * 5
    assert len(stored(stack)) == UNDER_WAY_MAX


def test_operators_and_the_schedule_are_not_held_up_by_a_merchants_runs(stack: Stack):
    """They may start theirs all the same, which count for nobody. The schedule's come first, then each has its turn."""
    stack.checkout()
    for number in range(UNDER_WAY_MAX):
        start(stack, number)
    merchant_id = stack.rows("select merchant_id from reconciliation_runs limit 1")[0]["merchant_id"]
    stack.deps.reconciliation.start(RunOrder(merchant_id, BY_COMMAND), wake=False)
    stack.rows("update transactions set pull_due_at = now()")
    stack.functions["start_reconciliation"].call({"schedule": "start_reconciliation"})
    claimed = list(iter(lambda: claim(stack), None))
    by_hand = 1 + UNDER_WAY_MAX
    assert claimed[:2] == [BY_SCHEDULE] * 2
    first_turns, second_turns = claimed[2 : 2 + by_hand], claimed[2 + by_hand : 2 + 2 * by_hand]
    assert (first_turns.count(BY_COMMAND), second_turns.count(BY_COMMAND)) == (1, 1)


def claim(stack: Stack) -> str | None:
    """Take the next batch, as if it was then done; return who started its run."""

    def work(uow: UnitOfWork) -> runs.Batch | None:
        batch = runs.claim_batch(uow, run_id=None, left=[], lease_s=60)
        if batch is not None:
            runs.save_batch(uow, batch, lease_s=0, state="done")
        return batch

    batch = stack.deps.database.run(work)
    if batch is None:
        return None
    return str(stack.rows("select started_by from reconciliation_runs where id = %s", batch.run_id)[0]["started_by"])


def test_a_time_with_too_many_transactions_is_refused_and_leaves_nothing(stack: Stack, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("paylink.core.reconciliation.SELECTED_MAX", 2)
    for slug in ("stripe", "stripe", "xendit"):
        stack.checkout(provider=slug)
    refused = start(stack, **EVERYTHING)
    assert (refused.status, refused.problem) == (422, "invalid-fields")
    assert [error["field"] for error in refused.body["errors"]] == ["created_to"]
    assert stored(stack) == []
    assert start(stack, provider="stripe", **EVERYTHING).body["selected"] == 2
    by_hand = stack.deps.reconciliation.start(RunOrder(None, BY_COMMAND), wake=False)
    assert by_hand is not None
    assert stack.run_report(by_hand)["selected"] == 3


def test_without_a_time_a_run_takes_what_is_longest_due(stack: Stack, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("paylink.core.reconciliation.SELECTED_MAX", 2)
    ids = [stack.checkout().body["id"] for _ in range(3)]
    stack.rows("update transactions set pull_due_at = now() - interval '1 hour' where id = any (%s::uuid[])", ids[1:])
    report = stack.reconcile(sample=0)
    assert (report["state"], report["selected"], report["checked"]) == ("finished", 2, 2)
    due = stack.rows("select id::text from transactions where pull_due_at < now() + interval '1 minute'")
    assert [row["id"] for row in due] in ([], [ids[0]])


@pytest.fixture
def held_planning(monkeypatch: pytest.MonkeyPatch) -> tuple[threading.Event, threading.Event]:
    """Planning takes until the second event is set; the first tells that it has begun."""
    begun, go_on = threading.Event(), threading.Event()
    plan = plans.plan_run

    def slow(uow: UnitOfWork, *arguments: Any) -> tuple[int, int]:
        planned = plan(uow, *arguments)
        begun.set()
        assert go_on.wait(20)
        return planned

    monkeypatch.setattr(plans, "plan_run", slow)
    return begun, go_on


def test_while_a_run_is_planned_the_same_is_refused_at_once_and_others_begin(
    stack: Stack, held_planning: tuple[threading.Event, threading.Event], monkeypatch: pytest.MonkeyPatch
):
    begun, go_on = held_planning
    stack.checkout()
    with ThreadPoolExecutor(1) as thread:
        first = thread.submit(start, stack)
        assert begun.wait(20)
        asked = time.monotonic()
        second = start(stack)
        assert time.monotonic() - asked < 2
        [run] = stored(stack)
        assert (second.status, second.problem) == (409, "reconciliation-running")
        assert str(run["id"]) in second.body["detail"]
        shown = stack.merchant("GET", f"/v1/reconcile/{run['id']}").body
        assert (shown["state"], shown["selected"]) == ("running", 0)
        # The schedule neither ends it for having nothing to do, nor plans it a second time.
        go_on_with_runs(stack)
        assert stored(stack) == [run]
        go_on.set()
        assert (first.result().status, first.result().body["id"]) == (202, str(run["id"]))
    stack.work_at_runs()
    assert stack.run_report(run["id"])["checked"] == 1


def go_on_with_runs(stack: Stack) -> None:
    """As the schedule does, but for beginning runs of its own."""
    stack.deps.reconciliation.resume()
    stack.deps.reconciliation.plan_left(within_s=30)


class Killed(BaseException):
    """Stands for a process that is gone: nothing below catches it."""


def raising(error: BaseException) -> Callable[..., Any]:
    def fail(*_: Any) -> Any:
        raise error

    return fail


def test_a_run_whose_planner_has_died_is_planned_as_it_was_asked_for(stack: Stack, monkeypatch: pytest.MonkeyPatch):
    stack.checkout(provider="xendit")
    stack.checkout()
    order = RunOrder(None, BY_COMMAND, provider="xendit", sample=SAMPLES, settlements=False)
    with monkeypatch.context() as patch:
        patch.setattr(plans, "plan_run", raising(Killed()))
        with pytest.raises(Killed):
            stack.deps.reconciliation.start(order)
    [run] = stored(stack)
    assert (run["state"], run["planned_at"]) == ("running", None)
    go_on_with_runs(stack)
    assert stored(stack) == [run]
    minutes_pass(stack)
    planned: list[RunOrder] = []
    plan = plans.plan_run

    def seen(uow: UnitOfWork, run_id: Any, asked: RunOrder, *arguments: Any) -> tuple[int, int]:
        planned.append(asked)
        return plan(uow, run_id, asked, *arguments)

    monkeypatch.setattr(plans, "plan_run", seen)
    go_on_with_runs(stack)
    stack.work_at_runs()
    assert planned == [order]
    report = stack.run_report(run["id"])
    assert (report["state"], report["selected"], report["checked"]) == ("finished", 1, 1)


def test_one_that_cannot_be_planned_leaves_nothing_behind(stack: Stack, monkeypatch: pytest.MonkeyPatch):
    stack.checkout()
    with monkeypatch.context() as patch:
        patch.setattr(plans, "plan_run", raising(StorageUnavailable()))
        assert start(stack).status == 503
    assert stored(stack) == []
    assert start(stack).status == 202


def leave_unplanned(stack: Stack, monkeypatch: pytest.MonkeyPatch, order: RunOrder) -> UUID:
    """Start a run whose planner dies, and let the time pass until others know that; return its id."""
    before = {run["id"] for run in stored(stack)}
    with monkeypatch.context() as patch:
        patch.setattr(plans, "plan_run", raising(Killed()))
        with pytest.raises(Killed):
            stack.deps.reconciliation.start(order)
    minutes_pass(stack)
    [run_id] = {run["id"] for run in stored(stack)} - before
    return UUID(str(run_id))


def minutes_pass(stack: Stack) -> None:
    stack.rows("update reconciliation_runs set started_at = started_at - interval '2 minutes'")


def test_one_that_nobody_can_plan_is_tried_three_times_and_tells_that_nothing_was_checked(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
):
    stack.checkout()
    order = RunOrder(None, BY_COMMAND, provider="stripe", account="default")
    run_id = leave_unplanned(stack, monkeypatch, order)
    with monkeypatch.context() as patch:
        patch.setattr(plans, "plan_run", raising(RuntimeError("no plan")))
        for _ in range(plans.PLAN_TRIES_MAX):
            assert [run["state"] for run in stored(stack)] == ["running"]
            go_on_with_runs(stack)
    go_on_with_runs(stack)
    report = stack.run_report(run_id)
    assert (report["state"], report["checked"]) == ("partial", 0)
    whole = {"what": "run", "transactions": 0, "error": "cannot_be_planned"}
    assert report["not_checked"] == [whole | {"provider": "stripe", "account": "default"}]
    assert "  not checked: all of it: cannot_be_planned" in summary(report, [])
    assert stack.deps.reconciliation.start(order) is not None


def test_one_that_nobody_came_to_plan_for_two_days_ends(stack: Stack, monkeypatch: pytest.MonkeyPatch):
    stack.checkout()
    run_id = leave_unplanned(stack, monkeypatch, RunOrder(None, BY_COMMAND))
    stack.rows("update reconciliation_runs set started_at = now() - interval '3 days'")
    stack.deps.reconciliation.resume()
    assert stack.run_report(run_id)["state"] == "partial"


def test_one_that_cannot_be_planned_holds_up_no_other(stack: Stack, monkeypatch: pytest.MonkeyPatch):
    for slug in ("stripe", "xendit"):
        stack.checkout(provider=slug)
    ill, well = (
        leave_unplanned(stack, monkeypatch, RunOrder(None, BY_COMMAND, provider=slug)) for slug in ("stripe", "xendit")
    )
    plan = plans.plan_run

    def fails_at_one(uow: UnitOfWork, run_id: UUID, *arguments: Any) -> tuple[int, int]:
        if run_id == ill:
            raise RuntimeError("no plan")
        return plan(uow, run_id, *arguments)

    monkeypatch.setattr(plans, "plan_run", fails_at_one)
    stack.deps.reconciliation.plan_left(within_s=60)
    assert {run["id"]: run["planned_at"] is None for run in stored(stack)} == {ill: True, well: False}
    tries = stack.rows("select plan_tries from reconciliation_runs where id = %s", ill)
    assert tries == [{"plan_tries": 1}]


def test_one_of_too_many_whose_planner_has_died_is_gone(stack: Stack, monkeypatch: pytest.MonkeyPatch):
    """As if it had been refused: nobody is there any more to be told of it."""
    monkeypatch.setattr("paylink.core.reconciliation.SELECTED_MAX", 2)
    for _ in range(3):
        stack.checkout()
    merchant_id = stack.rows("select merchant_id from transactions limit 1")[0]["merchant_id"]
    first, last = datetime(2020, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
    order = RunOrder(merchant_id, "pk_test", created_from=first, created_to=last)
    leave_unplanned(stack, monkeypatch, order)
    go_on_with_runs(stack)
    assert stored(stack) == []


def test_a_plan_that_takes_too_long_is_ended_in_the_database_too(stack: Stack, monkeypatch: pytest.MonkeyPatch):
    stack.checkout()
    sleep = {"sleep": "select pg_sleep(20)"}

    def slow(uow: UnitOfWork, *_: Any) -> tuple[int, int]:
        UnitOfWork(uow._connection, sleep).one("sleep")
        return 0, 0

    monkeypatch.setattr(plans, "plan_run", slow)
    monkeypatch.setattr("paylink.services.reconciliation.PLAN_S", 2.5)
    asked = time.monotonic()
    assert start(stack).status == 503
    assert time.monotonic() - asked < 10
    assert stack.rows("select pid from pg_stat_activity where query like '%%pg_sleep(20)%%' and state = 'active'"
                      " and pid <> pg_backend_pid()") == []  # fmt: skip
    assert stored(stack) == []
