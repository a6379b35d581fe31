"""Reconciliation asks about what is due, once each, and pushes on only what it asked."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from paylink.core.reconciliation import RunOrder
from support.stack import Stack

DUE = RunOrder(None, "schedule", due_only=True, sample=0)


def pull_due(stack: Stack) -> datetime | None:
    due: datetime | None = stack.rows("select pull_due_at from transactions")[0]["pull_due_at"]
    return due


def test_what_was_not_reached_stays_due(stack: Stack):
    stack.checkout()
    stack.rows("update transactions set pull_due_at = now()")
    before = pull_due(stack)
    run_id = stack.deps.reconciliation.start(DUE)
    assert stack.deps.reconciliation.work(within_s=0) == 0
    assert stack.run_report(run_id)["state"] == "running"
    assert pull_due(stack) == before


def test_each_answer_without_news_doubles_the_wait(stack: Stack):
    stack.checkout()
    waits = []
    for _ in range(3):
        stack.rows("update transactions set pull_due_at = now()")
        stack.reconcile_due()
        due = pull_due(stack)
        assert due is not None
        waits.append(round((due - datetime.now(UTC)).total_seconds() / 60))
    assert waits == [5, 10, 20]


def test_a_provider_that_is_away_leaves_the_run_partial_and_the_transaction_due(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
):
    stack.checkout()
    with monkeypatch.context() as patch:
        patch.setattr(stack.deps.providers["stripe"]._client._http, "_base", "http://127.0.0.1:9")
        report = stack.reconcile()
    assert (report["state"], report["checked"]) == ("partial", 0)
    [missed] = report["not_checked"]
    assert (missed["provider"], missed["account"], missed["transactions"]) == ("stripe", "default", 1)
    assert pull_due(stack) is not None
    assert stack.reconcile()["state"] == "finished"


def test_what_surely_has_no_page_expires_by_the_clock(stack: Stack, monkeypatch: pytest.MonkeyPatch):
    stack.fault("api_error_before", count=1, match="POST")
    answer = stack.checkout()
    stack.rows("update transactions set expires_at = now() - interval '1 minute'")
    assert stack.reconcile()["changed"] == 1
    history = stack.transaction(answer.body["id"])["history"]
    assert [(row["state"], row["evidence"]) for row in history] == [("pending", "request"), ("expired", "clock")]


def test_an_ended_transaction_is_not_asked_about_again(stack: Stack):
    stack.paid()
    assert stack.reconcile(sample=0)["selected"] == 0


def test_a_merchant_reconciles_only_its_own(stack: Stack):
    stack.checkout()
    stack.rows("insert into merchants (id, name) values (gen_random_uuid(), 'Another')")
    stack.rows("update transactions set merchant_id = (select id from merchants where name = 'Another')")
    assert stack.reconcile()["checked"] == 0


def test_an_earlier_page_that_was_paid_is_found_when_its_webhooks_are_lost(stack: Stack):
    """Two pages must not happen; if they do, every one of them is asked about."""
    answer = stack.checkout("k")
    stack.rows("update attempts set outcome = 'not_sent'")
    stack.rows("update idempotency_keys set recovery_point = 'started', response_body = null, locked_until = now()")
    stack.forget("answer")
    second = stack.checkout("k").body["checkout_url"]
    stack.fault("webhook_drop")
    stack.pay(answer.body["checkout_url"])
    stack.pay(second, "expire")
    stack.await_deliveries()
    assert stack.reconcile()["changed"] == 1
    transaction = stack.transaction(answer.body["id"])
    assert (transaction["state"], transaction["captured"]) == ("paid", 150_000)


def test_a_page_that_the_provider_no_longer_knows_does_not_stay_open_for_ever(stack: Stack):
    answer = stack.checkout()
    stack.rows("update provider_references set value = 'cs_test_gone' where kind = 'checkout_session'")
    assert stack.reconcile()["state"] == "partial"
    stack.rows("update transactions set expires_at = now() - interval '1 minute'")
    assert stack.reconcile()["state"] == "finished"
    assert stack.transaction(answer.body["id"])["state"] == "expired"


def test_an_account_whose_line_is_long_does_not_hold_up_the_others(stack: Stack, monkeypatch: pytest.MonkeyPatch):
    """Its events wait for their turns; a run asks the other providers, and leaves that account to the next."""
    adapter = stack.deps.providers["xendit"]
    slow = replace(adapter.capabilities, pulls_per_s=0.02)
    monkeypatch.setattr(type(adapter), "capabilities", property(lambda self: slow))
    waiting = stack.checkout(provider="xendit")
    other = stack.checkout(provider="stripe")
    stack.fault("webhook_drop")
    for answer in (waiting, other):
        stack.pay(answer.body["checkout_url"])
    account = stack.rows("select id from provider_accounts where provider = 'xendit'")[0]["id"]
    while stack.deps.pulls.wait_s(account, slow.pulls_per_s) == 0:
        pass
    report = stack.reconcile()
    assert (report["state"], report["checked"]) == ("partial", 1)
    assert stack.transaction(waiting.body["id"])["state"] == "pending"
    assert stack.transaction(other.body["id"])["state"] == "paid"
