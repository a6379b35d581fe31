"""Providers whose answers lag behind their webhooks, fail, or come late: nothing is lost, nobody is told too early."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from paylink.core.states import Evidence, Source, State
from paylink.providers.payments import Payment
from support.stack import Stack


def alerts(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [alert for record in caplog.records if (alert := getattr(record, "alert", None))]


def lagging(stack: Stack, slug: str, change: Callable[[Payment], Payment]) -> None:
    """Have the provider answer as `change` says until the context ends, and process what is queued meanwhile."""
    provider = stack.deps.providers[slug]
    fetch = provider.fetch_payment
    patch = pytest.MonkeyPatch()
    patch.setattr(provider, "fetch_payment", lambda account, query: change(fetch(account, query)))
    stack.try_each_event()
    patch.undo()


def ask_again(stack: Stack) -> None:
    stack.rows(
        "update unfinished_events set next_attempt_at = now(), not_before = now() where next_attempt_at is not null"
    )
    stack.settle()


def at(state: State) -> Callable[[Payment], Payment]:
    return lambda payment: replace(payment, evidence=Evidence(state, Source.PULL))


@pytest.mark.parametrize("slug", ["midtrans", "xendit"])
@pytest.mark.parametrize("lag", [State.PENDING, State.EXPIRED])
def test_a_payment_that_the_status_does_not_show_yet_is_asked_for_again(stack: Stack, slug: str, lag: State):
    """Even when the answer has ended the order meanwhile: the event claims money, so it stays in flight."""
    answer = stack.checkout(provider=slug)
    stack.pay(answer.body["checkout_url"])
    lagging(stack, slug, at(lag))
    assert stack.transaction(answer.body["id"])["state"] == lag.value
    assert "in_flight" in {event["state"] for event in stack.events()}
    ask_again(stack)
    assert stack.transaction(answer.body["id"])["state"] == "paid"


@pytest.mark.parametrize("slug", ["midtrans", "xendit"])
def test_a_refund_that_the_status_does_not_show_yet_is_asked_for_again(stack: Stack, slug: str):
    transaction = stack.paid(provider=slug)
    stack.on_charge("refund", amount=50_000)
    if slug == "xendit":
        stack.on_charge("refund-complete")
    lagging(stack, slug, lambda p: replace(p, evidence=replace(p.evidence, refunded=0)))
    assert stack.transaction(transaction["id"])["refunded"] == 0
    ask_again(stack)
    assert stack.transaction(transaction["id"])["refunded"] == 50_000


@pytest.mark.parametrize("slug", ["midtrans", "xendit"])
def test_a_dispute_that_the_status_does_not_show_yet_is_asked_for_again(stack: Stack, slug: str):
    transaction = stack.paid(provider=slug)
    stack.on_charge("dispute")
    lagging(stack, slug, lambda p: replace(p, evidence=replace(p.evidence, dispute=None, no_dispute=True)))
    assert stack.transaction(transaction["id"])["state"] == "paid"
    ask_again(stack)
    assert stack.transaction(transaction["id"])["state"] == "disputed"


def test_an_order_that_was_paid_another_amount_never_expires_by_the_clock(stack: Stack):
    """A person decides on it; until then nobody is told that it expired."""
    answer = stack.checkout(provider="xendit")
    stack.pay(answer.body["checkout_url"], "pay-other-amount")
    stack.settle()
    stack.rows("update transactions set expires_at = now() - interval '1 hour', pull_due_at = now()")
    stack.reconcile_due()
    assert stack.transaction(answer.body["id"])["state"] == "pending"


def come_to_the_next_question(stack: Stack) -> None:
    stack.rows("update transactions set expires_at = expires_at - (pull_due_at - now()), pull_due_at = now()")
    stack.reconcile_due()


def test_money_on_an_ended_order_whose_webhook_is_lost_is_found(stack: Stack, caplog: pytest.LogCaptureFixture):
    """What ended without money is asked about soon after its page's end, an hour and a day later."""
    answer = stack.checkout(provider="xendit")
    stack.pay(answer.body["checkout_url"], "expire")
    stack.settle()
    assert stack.transaction(answer.body["id"])["state"] == "expired"
    stack.fault("webhook_drop")
    stack.pay(answer.body["checkout_url"], "pay-late")
    come_to_the_next_question(stack)
    assert stack.transaction(answer.body["id"])["state"] == "paid"
    assert "paid_after_expired" in alerts(caplog)


def test_an_ended_order_is_asked_about_three_times_more(stack: Stack):
    answer = stack.checkout(provider="xendit")
    stack.pay(answer.body["checkout_url"], "expire")
    stack.settle()
    asked = 0
    while stack.rows("select 1 from transactions where pull_due_at is not null"):
        come_to_the_next_question(stack)
        asked += 1
    assert asked == 3


def test_too_many_requests_end_the_run_for_that_account_and_cost_nothing(stack: Stack):
    for number in range(3):
        stack.checkout(provider="xendit", order_reference=f"limited-{number}")
    stack.checkout(provider="stripe", order_reference="not-limited")
    stack.rows("update transactions set pull_due_at = now() - interval '1 s' * length(order_reference)")
    stack.fault("api_rate_limit", provider="xendit", match="GET")
    report = stack.reconcile()
    assert (report["state"], report["failed"], report["checked"]) == ("partial", 0, 1)
    [missed] = [one for one in report["not_checked"] if one["what"] == "status"]
    assert (missed["provider"], missed["transactions"], missed["error"]) == ("xendit", 3, "rate_limited")
    waiting = stack.rows(
        "select pulls, pull_due_at < now() + interval '65 s' as soon from transactions where pulls = 0"
    )
    assert [row["soon"] for row in waiting] == [True] * 3


def test_a_provider_that_never_answers_becomes_a_persons_business(stack: Stack, caplog: pytest.LogCaptureFixture):
    stack.checkout(provider="xendit")
    stack.fault("api_error_before", provider="xendit", match="GET")
    stack.rows("update transactions set pull_due_at = now()")
    stack.reconcile_due()
    assert alerts(caplog) == []
    stack.rows("update transactions set expires_at = now() - interval '2 hours', pull_due_at = now()")
    stack.reconcile_due()
    assert alerts(caplog) == ["cannot_ask"]
    assert stack.rows("select state from transactions")[0]["state"] == "pending"


def test_trouble_of_our_own_is_waited_out_at_growing_distances(stack: Stack, monkeypatch: pytest.MonkeyPatch):
    """A minute, two, four, ...: eight attempts last hours, not minutes."""
    answer = stack.checkout(provider="xendit")
    stack.pay(answer.body["checkout_url"])
    stack.await_deliveries()

    def broken(raw_body: bytes) -> Any:
        raise RuntimeError("a defect of ours")

    waits = []
    with monkeypatch.context() as patch:
        patch.setattr(stack.deps.providers["xendit"], "map_webhook", broken)
        for number in range(1, 5):
            while stack.rows("select 1 from unfinished_events where attempts < %s", number):
                stack.functions["relay_events"].call({})
                stack.drain()
            waits.append(stack.rows("select next_attempt_at - now() as wait from unfinished_events")[0]["wait"])
            stack.rows("update unfinished_events set next_attempt_at = now(), not_before = now()")
    assert [round(wait / timedelta(minutes=1)) for wait in waits] == [1, 2, 4, 8]
    ask_again(stack)
    assert stack.transaction(answer.body["id"])["state"] == "paid"


def test_a_retry_at_the_shortest_expiry_still_has_time(stack: Stack):
    shortest = stack.deps.providers["xendit"].capabilities.expiry_min_s
    stack.fault("api_rate_limit", count=1, match="POST")
    assert stack.checkout("k", provider="xendit", expires_in_s=shortest).status == 503
    stack.rows("update transactions set expires_at = expires_at - interval '30 s'")
    assert stack.checkout("k", provider="xendit", expires_in_s=shortest).status == 201
