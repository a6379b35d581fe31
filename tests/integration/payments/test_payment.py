"""A payment from checkout to paid, and everything a provider may do in between."""

import uuid

import pytest

from support.signing import sign
from support.stack import Stack


def test_a_payment_goes_from_checkout_to_paid_with_its_history(stack: Stack):
    """checkout -> provider page -> signed webhook -> queue -> paid; the history names the evidence."""
    answer = stack.checkout()
    assert (answer.status, answer.body["state"]) == (201, "pending")
    assert answer.headers["Location"] == f"/v1/tx/{answer.body['id']}"

    stack.pay(answer.body["checkout_url"])
    stack.settle()

    transaction = stack.transaction(answer.body["id"])
    assert transaction["state"] == "paid"
    assert transaction["captured"] == 150_000
    assert transaction["checkout_url"] is None
    first, last = transaction["history"]
    assert (first["state"], first["evidence"]) == ("pending", "request")
    assert (last["state"], last["evidence"], last["alert"]) == ("paid", "webhook", None)
    assert last["evidence_id"].startswith("evt_")
    assert len(stack.ledger()["charges"]) == 1


def test_each_change_of_state_leaves_one_notification_for_the_merchant(stack: Stack):
    answer = stack.checkout()
    stack.pay(answer.body["checkout_url"])
    stack.settle()
    kinds = [row["kind"] for row in stack.rows("select kind from merchant_notifications")]
    assert kinds == ["transaction.paid"]


def test_the_same_event_delivered_twice_is_applied_once(stack: Stack):
    answer = stack.checkout()
    stack.fault("webhook_duplicate", count=5)
    stack.pay(answer.body["checkout_url"])
    stack.settle()
    assert stack.states(answer.body["id"]) == ["pending", "paid"]
    assert stack.rows("select count(*) as n from webhook_deliveries")[0]["n"] > 0


def test_an_event_that_overtakes_the_create_call_finds_its_transaction(stack: Stack):
    """The attempt's id travels with the request and is known before the provider is."""
    stack.fault("webhook_before_answer", count=1)
    answer = stack.checkout()
    stack.settle()
    assert answer.status == 201
    assert stack.transaction(answer.body["id"])["state"] == "paid"
    assert not [event for event in stack.events() if event["state"] == "parked"]


def test_a_declined_try_leaves_the_page_open_for_another(stack: Stack):
    answer = stack.checkout()
    stack.pay(answer.body["checkout_url"], "fail")
    stack.settle()
    refused = stack.transaction(answer.body["id"])
    assert refused["state"] == "pending"
    assert [(e["type"], e["reason"]) for e in refused["events"]] == [
        ("payment_intent.payment_failed", "payer_may_retry")
    ]
    stack.pay(answer.body["checkout_url"])
    stack.settle()
    assert stack.states(answer.body["id"]) == ["pending", "paid"]


def test_a_page_that_expires_ends_expired(stack: Stack):
    answer = stack.checkout()
    stack.pay(answer.body["checkout_url"], "expire")
    stack.settle()
    assert stack.states(answer.body["id"]) == ["pending", "expired"]


def test_a_delayed_payment_is_paid_when_the_money_comes(stack: Stack):
    """Completed is not paid: bank debits complete first and pay later."""
    answer = stack.checkout()
    stack.pay(answer.body["checkout_url"], "pay-delayed")
    stack.settle()
    assert stack.transaction(answer.body["id"])["state"] == "pending"
    stack.pay(answer.body["checkout_url"], "settle-delayed")
    stack.settle()
    assert stack.states(answer.body["id"]) == ["pending", "paid"]


def test_a_wrong_amount_never_marks_paid(stack: Stack):
    """The event is parked with its reason, and the truth comes by asking the provider."""
    answer = stack.checkout()
    stack.fault("webhook_wrong_amount", count=10)
    stack.pay(answer.body["checkout_url"])
    stack.settle()
    waiting = stack.transaction(answer.body["id"])
    assert waiting["state"] == "pending"
    assert {e["reason"] for e in waiting["events"] if e["state"] == "parked"} == {"amount_mismatch"}
    report = stack.reconcile()
    assert (report["state"], report["changed"]) == ("finished", 1)
    assert stack.transaction(answer.body["id"])["history"][-1]["evidence"] == "pull"


def test_refunds_follow_the_providers_cumulative_figure(stack: Stack):
    answer = stack.checkout()
    stack.pay(answer.body["checkout_url"])
    stack.settle()
    stack.on_charge("refund", amount=5_000_000)
    stack.settle()
    partly = stack.transaction(answer.body["id"])
    assert (partly["state"], partly["refunded"]) == ("partially_refunded", 50_000)
    stack.on_charge("refund")
    stack.settle()
    assert stack.states(answer.body["id"]) == ["pending", "paid", "partially_refunded", "refunded"]


@pytest.mark.parametrize(("end", "state"), [("dispute-won", "paid"), ("dispute-lost", "disputed")])
def test_a_dispute_is_overlaid_and_restored_when_won(stack: Stack, end: str, state: str):
    answer = stack.checkout()
    stack.pay(answer.body["checkout_url"])
    stack.settle()
    stack.on_charge("dispute")
    stack.settle()
    assert stack.transaction(answer.body["id"])["state"] == "disputed"
    stack.on_charge(end)
    stack.settle()
    assert stack.transaction(answer.body["id"])["state"] == state


def test_an_event_of_another_system_on_the_account_is_not_ours(stack: Stack):
    """A session that PayLink did not make carries no attempt of ours."""
    key = stack.environ["PAYLINK_STRIPE_SECRET_KEY"]
    form = (
        "mode=payment&success_url=https://example.com&line_items[0][quantity]=1"
        "&line_items[0][price_data][currency]=usd&line_items[0][price_data][unit_amount]=900"
        "&line_items[0][price_data][product_data][name]=Other"
    )
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/x-www-form-urlencoded"}
    made = stack.pool.request("POST", f"{stack.sandbox}/stripe/v1/checkout/sessions", headers=headers, body=form)
    assert made.status == 200, made.data
    stack.pay(made.json()["url"])
    stack.settle()
    ours = [e for e in stack.events() if e["reason"] not in ("no_new_facts", "unknown_type")]
    assert {(e["state"], e["reason"]) for e in ours} == {("ignored", "not_ours")}


def test_a_lost_webhook_is_found_by_asking(stack: Stack):
    answer = stack.checkout()
    stack.fault("webhook_drop", count=10)
    stack.pay(answer.body["checkout_url"])
    stack.settle()
    assert stack.transaction(answer.body["id"])["state"] == "pending"
    assert stack.reconcile()["changed"] == 1
    assert stack.states(answer.body["id"]) == ["pending", "paid"]


def test_a_lost_queue_heals_by_the_relay(stack: Stack):
    """Every message is thrown away: the events are due in Postgres, and the relay queues them again."""
    answer = stack.checkout()
    stack.pay(answer.body["checkout_url"])
    stack.await_deliveries()
    stack.sqs.purge_queue(QueueUrl=stack.environ["PAYLINK_WEBHOOK_EVENTS_QUEUE_URL"])
    stack.rows("update unfinished_events set next_attempt_at = now()")
    stack.settle()
    assert stack.transaction(answer.body["id"])["state"] == "paid"


def test_the_scheduled_reconciliation_takes_only_what_is_due(stack: Stack):
    answer = stack.checkout()
    stack.fault("webhook_drop", count=10)
    stack.pay(answer.body["checkout_url"])
    assert stack.reconcile_due()["checked"] == 0
    stack.rows("update transactions set pull_due_at = now()")
    assert stack.reconcile_due()["changed"] == 1
    assert stack.transaction(answer.body["id"])["state"] == "paid"


def test_events_of_refunds_that_come_first_wait_for_their_transaction(stack: Stack):
    """A charge's event names only the intent; it is parked until the session's event brings that reference."""
    answer = stack.checkout()
    stack.fault("webhook_drop", count=10)
    stack.pay(answer.body["checkout_url"])
    stack.await_deliveries()
    stack.sandbox_call("DELETE", "/_sandbox/faults")
    stack.on_charge("refund", amount=5_000_000)
    stack.settle()
    assert {e["state"] for e in stack.events() if e["event_type"] == "charge.refunded"} == {"parked"}
    for delivery in stack.sandbox_call("GET", "/_sandbox/deliveries")["deliveries"]:
        if delivery["type"] == "checkout.session.completed":
            stack.sandbox_call("POST", f"/_sandbox/deliveries/{delivery['id']}/resend")
    stack.settle()
    assert stack.transaction(answer.body["id"])["state"] == "partially_refunded"
    assert not [e for e in stack.events() if e["state"] in ("parked", "in_flight")]


def test_a_poison_event_does_not_hold_up_the_others(stack: Stack):
    """A signed body that is no Stripe event ends dead, on the dead-letter queue; its neighbours are applied."""
    body = b'{"id": "evt_poison", "type": "checkout.session.completed", "data": {"object": 7}}'
    signature = sign(stack.environ["PAYLINK_STRIPE_WEBHOOK_SECRET"], body)
    got = stack.call("POST", "/v1/webhook/stripe", headers={"Stripe-Signature": signature}, raw=body)
    assert got.body == {"received": "evt_poison", "duplicate": False}
    answer = stack.checkout()
    stack.pay(answer.body["checkout_url"])
    stack.settle()
    assert stack.transaction(answer.body["id"])["state"] == "paid"
    assert [e["reason"] for e in stack.events() if e["state"] == "dead"] == ["unreadable"]
    dead = stack.sqs.receive_message(QueueUrl=stack.environ["PAYLINK_WEBHOOK_EVENTS_DEAD_QUEUE_URL"])["Messages"]
    assert '"reason": "unreadable"' in dead[0]["Body"]


def test_another_merchants_transaction_is_not_found(stack: Stack):
    answer = stack.merchant("GET", f"/v1/tx/{uuid.uuid4()}")
    assert (answer.status, answer.problem) == (404, "not-found")
