"""The audit of `./scripts/chaos` finds what is lost and what is doubled: here it is made so by hand."""

import json
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest

from chaos.audit import Audit, audit, recovery_s
from chaos.events import AMOUNT, Webhook, paid_session
from chaos.seeding import seed_transactions
from chaos.sender import Sent
from chaos.stack import Stack as OutsideStack
from paylink_local.supervisor.home import Home
from support.stack import ORDER, Stack

Check = Callable[[], Audit]


@pytest.fixture
def outside(stack: Stack, tmp_path: Path) -> OutsideStack:
    return OutsideStack(Home(tmp_path), stack.environ)


@pytest.fixture
def sent(stack: Stack, outside: OutsideStack) -> list[Sent]:
    """Five events, each accepted once and applied."""
    secret = stack.environ["PAYLINK_STRIPE_WEBHOOK_SECRET"]
    attempts = seed_transactions(outside, 5)
    webhooks = [paid_session(secret, number, attempt) for number, attempt in enumerate(attempts)]
    done = [deliver(stack, webhook) for webhook in webhooks]
    stack.settle()
    return done


def deliver(stack: Stack, webhook: Webhook) -> Sent:
    answer = stack.call("POST", webhook.path, headers=dict(webhook.headers()), raw=webhook.body)
    assert answer.status == 200
    return Sent(webhook, wanted=1, first_at=0.0, accepted=1, tries=1)


@pytest.fixture
def check(stack: Stack, outside: OutsideStack, sent: list[Sent]) -> Check:
    attempts = {s.webhook.event_id: json.loads(s.webhook.body)["data"]["object"]["metadata"] for s in sent}
    pays = {event_id: metadata["paylink_attempt"] for event_id, metadata in attempts.items()}
    deliveries = stack.sandbox_call("GET", "/_sandbox/deliveries")["deliveries"]
    return lambda: audit(outside, sent, pays, stack.ledger(), deliveries)


def test_nothing_is_lost_when_nothing_is(check: Check):
    assert check() == Audit(accepted=5, applied=5, ignored=0, lost={}, doubled={})


def test_a_2xx_without_its_row_is_found(check: Check, sent: list[Sent]):
    sent[0].accepted += 1
    assert check().lost == {"2xx without its row": 1}


def test_a_payment_that_was_told_and_not_applied_is_found(check: Check, stack: Stack):
    stack.rows("update transactions set state = 'expired', captured = 0 where order_reference = 'chaos-0'")
    assert check().lost == {"paid event, transaction not paid": 1, "change without its notification": 1}


def test_a_paid_page_without_its_transaction_is_found(check: Check, stack: Stack):
    stack.paid()
    stack.rows("update attempts set checkout_url = null")
    stack.rows(
        "update transactions set order_reference = 'another' where order_reference = %s", ORDER["order_reference"]
    )
    assert check().lost == {"page and transaction disagree": 1}


def test_an_event_without_its_outcome_is_found(check: Check, stack: Stack, sent: list[Sent]):
    secret = stack.environ["PAYLINK_STRIPE_WEBHOOK_SECRET"]
    deliver(stack, paid_session(secret, 99, str(uuid.uuid4())))
    stack.settle()
    assert check().lost == {"row without an outcome": 1}


def test_an_accounting_that_does_not_close_is_found(check: Check, stack: Stack):
    stack.rows("update intake_ledger set new = new + 2")
    assert check().lost["accounting does not close"] >= 2
    stack.rows("update intake_ledger set new = new - 2")


def test_a_second_announcement_is_found(check: Check, stack: Stack):
    stack.rows(
        "insert into merchant_notifications (id, merchant_id, transaction_id, version, kind, body)"
        " select gen_random_uuid(), merchant_id, transaction_id, 9, kind, body from merchant_notifications limit 1"
    )
    assert check().doubled == {"final state announced twice": 1}


def test_money_that_entered_twice_is_found(check: Check, stack: Stack):
    stack.rows(
        "insert into transaction_history (id, transaction_id, version, state, captured, refunded, evidence)"
        " select gen_random_uuid(), id, version + 1, state, %s, 0, 'webhook' from transactions limit 1",
        2 * AMOUNT,
    )
    assert check().doubled == {"money taken twice in a history": 1}


def test_a_wrong_total_is_found(check: Check, stack: Stack):
    stack.rows("update transactions set captured = captured - 1 where order_reference = 'chaos-1'")
    assert check().doubled == {"captured is not the amount": 1}


def test_recovery_counts_from_the_end_of_the_fault(stack: Stack, outside: OutsideStack, sent: list[Sent]):
    rows = stack.rows("select extract(epoch from finished_at)::float as at from webhook_events order by finished_at")
    assert recovery_s(outside, sent, ended_at=0.0) == pytest.approx((rows[0]["at"], rows[-1]["at"]))
    assert recovery_s(outside, sent, ended_at=rows[-1]["at"] + 1) == (None, 0.0)
