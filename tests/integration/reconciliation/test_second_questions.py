"""
What a webhook may be about to tell is no difference yet: a run that repairs nothing asks about it a second time, later.
"""

import itertools
from collections import Counter
from typing import Any
from uuid import UUID

import pytest

from paylink.core.money import Money
from paylink.core.reconciliation import BY_COMMAND, Repair, RunOrder
from paylink.providers.port import Effect, ErrorKind, ProviderError
from paylink.runtime.run_queue import SqsRunQueue
from paylink.services.batch_answers import Answers
from paylink.services.batch_outcome import DOUBT_S
from support.sales import Sale
from support.stack import Stack
from support.truth import Truth
from support.wrongs import WRONGS

UNREPAIRED = [Repair.NONE, Repair.DRY]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Count the questions about each transaction."""
    counts: Counter[str] = Counter()
    ask = Answers._ask

    def counted(self: Answers, known: Any, ends_at: float) -> Any:
        counts[str(known.transaction.id)] += 1
        return ask(self, known, ends_at)

    monkeypatch.setattr(Answers, "_ask", counted)
    return counts


def pay_unheard(stack: Stack, **order: Any) -> str:
    answer = stack.checkout(**order)
    stack.fault("webhook_drop")
    stack.pay(answer.body["checkout_url"])
    stack.await_deliveries()
    return str(answer.body["id"])


def ask_first(stack: Stack, repair: Repair) -> UUID:
    """Start a run and ask all first questions; the second ones are not asked before their time."""
    order = RunOrder(None, BY_COMMAND, repair=repair, sample=0, settlements=False)
    run_id = stack.deps.reconciliation.start(order, wake=False)
    assert run_id is not None
    assert stack.deps.reconciliation.work(within_s=20) > 0
    assert stack.deps.reconciliation.work(within_s=20) == 0
    return run_id


def ask_second(stack: Stack, run_id: UUID) -> dict[str, Any]:
    stack.work_at_runs()
    report = stack.run_report(run_id)
    assert (report["state"], report["failed"]) == ("finished", 0)
    return report


@pytest.mark.parametrize("repair", UNREPAIRED)
def test_what_a_webhook_tells_before_the_second_question_is_no_difference(stack: Stack, repair: Repair):
    transaction_id = pay_unheard(stack)
    run_id = ask_first(stack, repair)
    report = stack.run_report(run_id)
    assert (report["state"], report["checked"], report["discrepancies"]) == ("running", 0, [])
    stack.send_lost_webhooks()
    stack.settle()
    assert stack.transaction(transaction_id)["state"] == "paid"
    report = ask_second(stack, run_id)
    assert (report["checked"], report["discrepancies"]) == (1, [])
    assert report["totals"][0]["drift"] == 0
    assert stack.rows("select 1 from discrepancies") == []


@pytest.mark.parametrize("repair", UNREPAIRED)
def test_what_both_questions_show_is_told_and_all_else_is_asked_about_once(
    stack: Stack, repair: Repair, asked: Counter[str]
):
    agreeing = str(stack.checkout().body["id"])
    lost = [pay_unheard(stack) for _ in range(2)]
    run_id = ask_first(stack, repair)
    [batch] = stack.rows(
        "select position, extract(epoch from not_before - now())::float as wait_s from reconciliation_batches"
    )
    assert batch["position"] == 1
    assert DOUBT_S - 10 < batch["wait_s"] <= DOUBT_S
    assert stack.run_report(run_id)["discrepancies"] == []
    report = ask_second(stack, run_id)
    told = sorted(one["transaction_id"] for one in report["discrepancies"])
    assert (told, report["checked"]) == (sorted(lost), 3)
    assert asked == {agreeing: 1, lost[0]: 2, lost[1]: 2}
    assert {stack.transaction(one)["state"] for one in lost} == {"pending"}


def test_what_shows_only_the_second_time_waits_for_another_run(stack: Stack):
    """It is as young as the other was at first."""
    pay_unheard(stack)
    run_id = ask_first(stack, Repair.NONE)
    stack.on_charge("refund")
    assert ask_second(stack, run_id)["discrepancies"] == []
    again = stack.reconcile(repair="none")
    assert [one["difference"] for one in again["discrepancies"]] == ["pending/refunded"]


def test_what_is_on_its_way_at_the_second_question_is_not_told(stack: Stack):
    transaction_id = pay_unheard(stack)
    run_id = ask_first(stack, Repair.NONE)
    stack.send_lost_webhooks()
    stack.await_deliveries()
    stack.rows("insert into transaction_events select %s, id from webhook_events", transaction_id)
    assert ask_second(stack, run_id)["discrepancies"] == []
    stack.settle()


def test_while_one_batch_waits_the_account_s_others_go_on(stack: Stack, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("paylink.store.run_plans.BATCH_SIZE", 1)
    pay_unheard(stack)
    stack.fault_off("webhook_drop")
    for _ in range(3):
        stack.checkout()
    run_id = ask_first(stack, Repair.NONE)
    assert stack.run_report(run_id)["checked"] == 3
    assert ask_second(stack, run_id)["checked"] == 4


def test_a_run_that_repairs_waits_for_nothing(stack: Stack, asked: Counter[str]):
    transaction_id = pay_unheard(stack)
    run_id = stack.deps.reconciliation.start(RunOrder(None, BY_COMMAND, sample=0, settlements=False), wake=False)
    assert run_id is not None
    stack.deps.reconciliation.work(within_s=20)
    report = stack.run_report(run_id)
    assert (report["state"], report["changed"], asked) == ("finished", 1, {transaction_id: 1})


def test_while_all_wait_the_next_worker_is_woken_when_the_wait_is_over(stack: Stack, monkeypatch: pytest.MonkeyPatch):
    pay_unheard(stack)
    ask_first(stack, Repair.NONE)
    woken: list[tuple[int, float]] = []

    def wake(_: SqsRunQueue, count: int, delay_s: float = 0) -> None:
        woken.append((count, delay_s))

    monkeypatch.setattr(SqsRunQueue, "wake", wake)
    stack.deps.reconciliation.wake_again()
    [(count, delay_s)] = woken
    assert count == 1
    assert DOUBT_S - 10 < delay_s <= DOUBT_S


def test_a_repair_counts_also_where_the_question_about_the_rest_fails(truth: Truth, monkeypatch: pytest.MonkeyPatch):
    """The refund is written; whether the second payment still shows is for the next run to ask."""
    sale = Sale("stripe", Money(150_000, "IDR"), "paid", (WRONGS["paid_twice"], WRONGS["lost_refund"]))
    truth.seed([sale])
    ask, questions = Answers._ask, itertools.count(1)

    def fails_at_the_second(self: Answers, known: Any, ends_at: float) -> Any:
        if next(questions) == 2:
            return ProviderError(ErrorKind.UNAVAILABLE, "connect", effect=Effect.NOTHING)
        return ask(self, known, ends_at)

    monkeypatch.setattr(Answers, "_ask", fails_at_the_second)
    first = truth.reconcile(settlements=False)
    assert (first["state"], first["changed"], first["failed"]) == ("finished", 1, 0)
    again = truth.reconcile(settlements=False)
    assert (again["state"], again["changed"]) == ("finished", 0)
    assert truth.found() == Counter(truth.expected)


def told_of(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [alert for record in caplog.records if (alert := getattr(record, "alert", None))]


def test_a_dry_run_alerts_nobody(stack: Stack, caplog: pytest.LogCaptureFixture):
    """A page that is gone, and a provider that is silent about one whose time is long over."""
    stack.checkout()
    stack.checkout(provider="xendit")
    stack.rows("update provider_references set value = 'cs_test_gone' where kind = 'checkout_session'")
    stack.rows("update transactions set expires_at = now() - interval '2 hours'")
    stack.fault("api_error_before", match="invoices")
    before = stack.rows("select * from transactions order by id")
    dry = stack.reconcile(repair="dry")
    assert (dry["state"], dry["checked"], dry["failed"]) == ("partial", 1, 1)
    assert told_of(caplog) == []
    assert stack.rows("select * from transactions order by id") == before
    stack.reconcile(repair="none")
    assert sorted(told_of(caplog)) == ["cannot_ask", "page_gone"]
