"""Reconciliation runs: what they ask about, how they go on after a crash, and what they tell."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from paylink.core.reconciliation import Repair, RunOrder
from paylink.services import batch_answers, batch_work
from support.stack import ORDER, Stack

EVERYTHING = {"created_from": "2020-01-01", "created_to": "2100-01-01"}


def lost(stack: Stack, **order: Any) -> str:
    """A payment of which no webhook ever tells; return its transaction's id."""
    answer = stack.checkout(**order)
    stack.fault("webhook_drop")
    stack.pay(answer.body["checkout_url"])
    stack.await_deliveries()
    stack.fault_off("webhook_drop")
    return str(answer.body["id"])


def kinds(report: dict[str, Any]) -> list[tuple[str, str, int, int]]:
    found = report["discrepancies"]
    return sorted((d["kind"], d["difference"], d["ours"], d["theirs"]) for d in found)


def test_a_run_repairs_what_it_finds_and_says_so(stack: Stack):
    """Ours and theirs are what there was before; the repair is in the history, and tells its merchant."""
    transaction_id = lost(stack)
    report = stack.reconcile()
    assert (report["state"], report["selected"], report["checked"], report["changed"]) == ("finished", 1, 1, 1)
    assert report["totals"] == [
        {"provider": "stripe", "currency": "IDR", "checked": 1, "ours": 0, "theirs": 150_000, "drift": 150_000}
    ]
    assert kinds(report) == [("status_mismatch", "pending/paid", 0, 150_000)]
    [found] = report["discrepancies"]
    assert (found["state"], found["resolution"], found["transaction_id"]) == ("resolved", "repaired", transaction_id)
    assert stack.states(transaction_id) == ["pending", "paid"]
    assert len(stack.rows("select 1 from merchant_notifications")) == 1


def test_a_second_run_over_the_same_data_adds_nothing(stack: Stack):
    lost(stack)
    stack.checkout(provider="xendit")
    stack.reconcile(**EVERYTHING)
    before = stack.rows("select count(*) as n from discrepancy_history")
    again = stack.reconcile(**EVERYTHING)
    assert (again["selected"], again["checked"], again["changed"]) == (2, 2, 0)
    assert [total["drift"] for total in again["totals"]] == [0, 0]
    assert again["discrepancies"] == []
    assert stack.rows("select count(*) as n from discrepancy_history") == before


def test_without_repair_a_difference_stays_open_until_it_is_gone(stack: Stack):
    transaction_id = lost(stack)
    for _ in range(2):
        report = stack.reconcile(repair="none")
        assert kinds(report) == [("status_mismatch", "pending/paid", 0, 150_000)]
        assert report["discrepancies"][0]["state"] == "open"
    assert stack.transaction(transaction_id)["state"] == "pending"
    stack.send_lost_webhooks()
    stack.settle()
    assert stack.transaction(transaction_id)["state"] == "paid"
    stack.reconcile(**EVERYTHING)
    [row] = stack.rows("select state, resolution from discrepancies")
    assert (row["state"], row["resolution"]) == ("resolved", "gone")


def test_a_dry_run_tells_and_writes_nothing(stack: Stack):
    transaction_id = lost(stack)
    before = stack.rows("select * from transactions")
    report = stack.reconcile(repair="dry")
    assert kinds(report) == [("status_mismatch", "pending/paid", 0, 150_000)]
    assert report["totals"][0]["drift"] == 150_000
    assert stack.rows("select * from transactions") == before
    assert stack.rows("select 1 from discrepancies") == []
    assert stack.transaction(transaction_id)["state"] == "pending"


def test_a_refund_that_failed_after_it_succeeded_is_found_though_its_webhook_is_lost(stack: Stack):
    """What has its money is asked about, too, when a time is given or the sample meets it."""
    paid = stack.paid()
    stack.refund(paid["id"], amount=50_000)
    stack.settle()
    assert stack.transaction(paid["id"])["state"] == "partially_refunded"
    stack.fault("webhook_drop")
    stack.on_charge("refund-failed")
    stack.await_deliveries()
    report = stack.reconcile(**EVERYTHING)
    assert kinds(report) == [("status_mismatch", "partially_refunded/paid", 100_000, 150_000)]
    after = stack.transaction(paid["id"])
    assert (after["state"], after["refunded"], after["refunds"][0]["state"]) == ("paid", 0, "failed")


def test_the_sample_meets_what_is_settled(stack: Stack):
    stack.paid()
    assert stack.reconcile(sample=0)["selected"] == 0
    assert stack.reconcile(sample=50)["selected"] == 1


def test_money_that_the_provider_does_not_know_is_missing_there(stack: Stack):
    paid = stack.paid()
    stack.rows("update provider_references set value = value || '_gone' where kind <> 'attempt'")
    report = stack.reconcile(**EVERYTHING)
    assert kinds(report) == [("missing_at_provider", "paid/not found", 150_000, 0)]
    assert stack.transaction(paid["id"])["state"] == "paid"
    assert report["discrepancies"][0]["state"] == "open"


def test_another_amount_is_an_open_difference(stack: Stack):
    answer = stack.checkout(provider="xendit")
    stack.fault("webhook_drop")
    stack.pay(answer.body["checkout_url"], "pay-other-amount")
    stack.await_deliveries()
    [found] = stack.reconcile()["discrepancies"]
    assert (found["kind"], found["state"], found["ours"]) == ("amount_mismatch", "open", 0)
    assert found["theirs"] > 0
    assert stack.transaction(answer.body["id"])["state"] == "pending"


def test_what_is_in_flight_is_no_difference(stack: Stack):
    """Its event is stored, and will tell: nothing is opened meanwhile."""
    answer = stack.checkout()
    stack.pay(answer.body["checkout_url"])
    stack.await_deliveries()
    event_row_ids = stack.event_ids()
    stack.rows(
        "insert into transaction_events select %s, id from webhook_events on conflict do nothing", answer.body["id"]
    )
    assert event_row_ids
    assert stack.reconcile(repair="none")["discrepancies"] == []
    stack.settle()


def test_a_run_is_limited_to_an_account_a_provider_and_a_time(stack: Stack):
    for slug in ("stripe", "xendit", "midtrans"):
        stack.checkout(provider=slug)
    assert stack.reconcile()["selected"] == 3
    assert stack.reconcile(provider="xendit")["selected"] == 1
    assert stack.reconcile(provider="xendit", account="default")["selected"] == 1
    assert stack.reconcile(created_from="2020-01-01", created_to="2020-02-01")["selected"] == 0
    assert stack.reconcile(provider="stripe", **EVERYTHING)["selected"] == 1


def test_of_one_scope_there_is_one_run_at_a_time(stack: Stack):
    """The second is told of the first, also when both start at once."""
    stack.checkout()
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda _: stack.merchant("POST", "/v1/reconcile", {}), range(8)))
    assert sorted(answer.status for answer in answers) == [202] + [409] * 7
    [first] = [answer.body["id"] for answer in answers if answer.status == 202]
    refused = [answer for answer in answers if answer.status == 409]
    assert {answer.problem for answer in refused} == {"reconciliation-running"}
    assert all(first in answer.body["detail"] for answer in refused)
    assert stack.merchant("POST", "/v1/reconcile", {"provider": "stripe"}).status == 202
    stack.work_at_runs()
    assert stack.merchant("POST", "/v1/reconcile", {}).status == 202


def test_a_run_of_nothing_has_ended_at_once(stack: Stack):
    started = stack.merchant("POST", "/v1/reconcile", {"sample": 0})
    assert (started.status, started.body["state"], started.body["selected"]) == (202, "finished", 0)
    assert started.headers["Location"] == f"/v1/reconcile/{started.body['id']}"


def test_runs_are_listed_the_newest_first_in_pages(stack: Stack):
    ids = [stack.merchant("POST", "/v1/reconcile", {"sample": 0}).body["id"] for _ in range(3)]
    first = stack.merchant("GET", "/v1/reconcile?limit=2").body
    second = stack.merchant("GET", f"/v1/reconcile?limit=2&cursor={first['next_cursor']}").body
    assert [run["id"] for run in first["runs"] + second["runs"]] == ids[::-1]
    assert second["next_cursor"] is None


def test_a_run_is_its_merchants_alone(stack: Stack):
    run = stack.merchant("POST", "/v1/reconcile", {"sample": 0}).body["id"]
    stack.rows("insert into merchants (id, name) values (gen_random_uuid(), 'Another')")
    stack.rows("update reconciliation_runs set merchant_id = (select id from merchants where name = 'Another')")
    assert stack.merchant("GET", f"/v1/reconcile/{run}").status == 404
    assert stack.merchant("GET", "/v1/reconcile").body["runs"] == []


def test_another_merchants_account_is_answered_like_nobodys(stack: Stack):
    stack.rows("insert into merchants (id, name) values (gen_random_uuid(), 'Another')")
    stack.rows("update provider_accounts set merchant_id = (select id from merchants where name = 'Another')")
    theirs, nobodys = (
        stack.merchant("POST", "/v1/reconcile", {"provider": "stripe", "account": name}) for name in ("default", "none")
    )
    assert theirs.status == 422
    assert theirs.body == nobodys.body


# Crashes


class Killed(BaseException):
    """Stands for a process that is gone: nothing below catches it."""


def crowd(stack: Stack, count: int) -> list[str]:
    return [stack.checkout(order_reference=f"crowd-{number}").body["id"] for number in range(count)]


def counted_questions(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return where the id of each transaction is noted that is asked about, each time."""
    questions: list[str] = []
    ask = batch_answers.Answers._ask

    def counted(self: Any, known: Any, ends_at: float) -> Any:
        questions.append(str(known.transaction.id))
        return ask(self, known, ends_at)

    monkeypatch.setattr(batch_answers.Answers, "_ask", counted)
    return questions


@pytest.mark.parametrize("write", ["_write", "_weigh", "_take"])
def test_a_worker_that_dies_costs_one_more_question_each_at_most(
    stack: Stack, monkeypatch: pytest.MonkeyPatch, write: str
):
    """Whichever part it was at: the run goes on where it was saved, and its report is the same."""
    ids = crowd(stack, 40)
    stack.fault("webhook_drop")
    for page in stack.ledger()["pages"]:
        stack.pay(page["url"])
    stack.await_deliveries()
    run_id = stack.deps.reconciliation.start(RunOrder(None, "command", sample=0), wake=False)
    questions = counted_questions(monkeypatch)
    with monkeypatch.context() as patch:
        patch.setattr(batch_work.BatchWork, write, dying(getattr(batch_work.BatchWork, write), after=2))
        with pytest.raises(Killed):
            stack.deps.reconciliation.work(within_s=60)
    stack.rows("update reconciliation_batches set locked_until = now()")
    stack.deps.reconciliation.resume()
    stack._work_when_woken()
    report = stack.run_report(run_id)
    assert (report["state"], report["checked"], report["failed"]) == ("finished", 40, 0)
    assert {stack.transaction(i)["state"] for i in ids} == {"paid"}
    assert max(map(questions.count, ids)) <= 2
    [total] = report["totals"]
    assert (total["checked"], total["theirs"]) == (40, 40 * ORDER["amount"])
    again = stack.reconcile(**EVERYTHING)
    assert (again["checked"], again["changed"], again["totals"][0]["drift"]) == (40, 0, 0)


def test_what_expires_by_the_clock_is_counted_also_when_its_worker_dies(stack: Stack, monkeypatch: pytest.MonkeyPatch):
    """The provider says nothing of it, so that there is no discrepancy: its history names the run."""
    crowd(stack, 20)
    stack.rows("update provider_references set value = value || '_gone' where kind <> 'attempt'")
    stack.rows("update transactions set expires_at = now() - interval '1 minute'")
    run_id = stack.deps.reconciliation.start(RunOrder(None, "command", sample=0, settlements=False), wake=False)
    with monkeypatch.context() as patch:
        patch.setattr(batch_work.BatchWork, "_write", dying(batch_work.BatchWork._write, after=1))
        with pytest.raises(Killed):
            stack.deps.reconciliation.work(within_s=60)
    assert len(stack.rows("select 1 from transactions where state = 'expired'")) > 8
    stack.rows("update reconciliation_batches set locked_until = now()")
    stack.work_at_runs()
    report = stack.run_report(run_id)
    assert (report["state"], report["checked"], report["changed"]) == ("finished", 20, 20)
    assert report["discrepancies"] == []
    told = stack.rows("select distinct state, evidence_id from transaction_history where evidence = 'clock'")
    assert told == [{"state": "expired", "evidence_id": str(run_id)}]


def dying(method: Callable[..., Any], after: int) -> Callable[..., Any]:
    calls = [0]

    def wrapped(*arguments: Any, **options: Any) -> Any:
        calls[0] += 1
        if calls[0] > after:
            raise Killed
        return method(*arguments, **options)

    return wrapped


def test_two_workers_share_a_run_and_ask_about_each_once(stack: Stack, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("paylink.store.run_plans.BATCH_SIZE", 5)
    ids = crowd(stack, 30)
    questions = counted_questions(monkeypatch)
    run_id = stack.deps.reconciliation.start(RunOrder(None, "command", repair=Repair.ALL, sample=0), wake=False)
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda _: stack.deps.reconciliation.work(within_s=60), range(4)))
    report = stack.run_report(run_id)
    assert (report["state"], report["checked"]) == ("finished", 30)
    assert sorted(questions) == sorted(ids)


def test_a_lost_message_is_made_up_for_by_the_schedule(stack: Stack):
    stack.checkout()
    run_id = stack.deps.reconciliation.start(RunOrder(None, "command", sample=0), wake=False)
    stack.functions["start_reconciliation"].call({"schedule": "start_reconciliation"})
    stack._work_when_woken()
    assert stack.run_report(run_id)["state"] == "finished"
