"""Webhooks as Stripe sends them, and the knobs that bend them."""

import stripe

from .conftest import PREVIOUS_SECRET, WEBHOOK_SECRET, Merchant, Sandbox, serve

PAID = ("payment_intent.succeeded", "charge.succeeded", "checkout.session.completed")


def test_a_payment_sends_three_signed_events(sandbox: Sandbox, merchant: Merchant) -> None:
    """Each event verifies with Stripe's own library, names its order, and is a snapshot of its object."""
    session = sandbox.create("ORDER-é")
    sandbox.control.pay(session.id)
    for webhook in merchant.wait_for(*PAID):
        event = stripe.Webhook.construct_event(webhook.body, webhook.headers["Stripe-Signature"], WEBHOOK_SECRET)
        assert webhook.path == "/v1/webhook/stripe"
        assert (event.api_version, event.livemode, event.pending_webhooks) == ("2026-10-28.endive", False, 1)
    completed = next(w.event for w in merchant.received if w.type == "checkout.session.completed")["data"]["object"]
    assert (completed["client_reference_id"], completed["payment_status"]) == ("ORDER-é", "paid")
    assert (completed["amount_total"], completed["currency"], completed["url"]) == (15_000_000, "idr", None)


def test_events_name_the_request_that_caused_them(sandbox: Sandbox, merchant: Merchant) -> None:
    """A payer's event has no request; a merchant's has its id and idempotency key."""
    session = sandbox.create()
    sandbox.control.pay(session.id)
    intent = sandbox.client.v1.checkout.sessions.retrieve(session.id).payment_intent
    refund = sandbox.client.v1.refunds.create({"payment_intent": str(intent)}, {"idempotency_key": "R-1"})
    merchant.wait_for(*PAID, "refund.created", "charge.refunded", "refund.updated")
    by_type = {item.type: item.event for item in merchant.received}
    assert by_type["charge.succeeded"]["request"] == {"id": None, "idempotency_key": None}
    assert refund.last_response is not None
    request = {"id": refund.last_response.request_id, "idempotency_key": "R-1"}
    assert by_type["refund.created"]["request"] == request
    assert "destination_details" in by_type["refund.updated"]["data"]["previous_attributes"]


def test_order_varies_and_some_events_come_twice(sandbox: Sandbox, merchant: Merchant) -> None:
    """Over many payments every event is the first once, and some are delivered twice with one id."""
    for number in range(30):
        sandbox.control.pay(sandbox.create(f"ORDER-{number}").id)
    deliveries = sandbox.control.settled()
    first: dict[str, str] = {}
    for delivery in reversed(deliveries):
        first.setdefault(delivery["reference"], delivery["type"])
    assert set(first.values()) == set(PAID)
    events = [delivery["event_id"] for delivery in deliveries]
    assert 90 < len(events) < 120
    assert len(set(events)) == 90


def test_a_declined_card_leaves_the_session_payable(sandbox: Sandbox, merchant: Merchant) -> None:
    """A decline is an event of the intent, not of the session; the next try succeeds with the same intent."""
    session = sandbox.create()
    assert sandbox.control.pay(session.id, "fail")["state"] == "open"
    declined = merchant.wait_for("payment_intent.payment_failed", "charge.failed")
    failed = next(item.event for item in declined if item.type == "payment_intent.payment_failed")["data"]["object"]
    assert (failed["status"], failed["last_payment_error"]["code"]) == ("requires_payment_method", "card_declined")
    sandbox.control.pay(session.id)
    merchant.wait_for(*PAID)
    assert sandbox.client.v1.checkout.sessions.retrieve(session.id).payment_intent == failed["id"]
    assert len(sandbox.control.ledger()["charges"]) == 1


def test_a_bank_transfer_completes_unpaid_and_settles_later(sandbox: Sandbox, merchant: Merchant) -> None:
    """completed is not paid: the money is announced by async_payment_succeeded, or its absence by _failed."""
    for action, outcome, state in (("settle-delayed", "succeeded", "paid"), ("fail-delayed", "failed", "failed")):
        session = sandbox.create(f"ORDER-{outcome}")
        sandbox.control.pay(session.id, "pay-delayed")
        assert sandbox.client.v1.checkout.sessions.retrieve(session.id).payment_status == "unpaid"
        assert sandbox.control.pay(session.id, action)["state"] == state
        merchant.wait_for("checkout.session.completed", f"checkout.session.async_payment_{outcome}")
        sandbox.control.pay(session.id, action, status=409)
    assert {charge["state"] for charge in sandbox.control.ledger()["charges"]} == {"succeeded", "failed"}


def test_expiry_is_announced(sandbox: Sandbox, merchant: Merchant) -> None:
    """Time running out sends checkout.session.expired without any call."""
    sandbox.create()
    sandbox.clock.offset_s = 24 * 3600 + 1
    merchant.wait_for("checkout.session.expired")
    assert sandbox.control.ledger()["pages"][0]["state"] == "expired"


def test_disputes_move_the_money_and_block_refunds(sandbox: Sandbox, merchant: Merchant) -> None:
    """Opened, then lost: funds withdrawn, closed; a refund is refused with charge_disputed."""
    sandbox.control.pay(sandbox.create().id)
    charge = sandbox.control.ledger()["charges"][0]["id"]
    sandbox.control.charge(charge, "dispute-won", status=409)
    assert sandbox.control.charge(charge, "dispute")["dispute"] == "open"
    merchant.wait_for("charge.dispute.created", "charge.dispute.funds_withdrawn")
    sandbox.control.charge(charge, "refund", status=409)
    assert sandbox.control.charge(charge, "dispute-lost")["dispute"] == "lost"
    closed = merchant.wait_for("charge.dispute.closed")
    assert next(i.event for i in closed if i.type == "charge.dispute.closed")["data"]["object"]["status"] == "lost"
    assert sandbox.client.v1.charges.retrieve(charge).disputed is True


def test_a_refund_can_fail_afterwards(sandbox: Sandbox, merchant: Merchant) -> None:
    """refund.failed takes the amount off the charge again."""
    sandbox.control.pay(sandbox.create().id)
    charge = sandbox.control.ledger()["charges"][0]["id"]
    assert sandbox.control.charge(charge, "refund", {"amount": 1_000_000})["amount_refunded"] == 1_000_000
    assert sandbox.control.charge(charge, "refund-failed")["amount_refunded"] == 0
    merchant.wait_for("refund.created", "charge.refunded", "refund.failed")
    assert sandbox.control.ledger()["refunds"][0]["state"] == "failed"


def test_a_secret_being_rolled_signs_twice(environment: dict[str, str], merchant: Merchant) -> None:
    """With a previous secret there are two v1 tags, and either secret verifies."""
    environment["PAYLINK_STRIPE_WEBHOOK_SECRET_PREVIOUS"] = PREVIOUS_SECRET
    with serve(environment) as sandbox:
        sandbox.control.pay(sandbox.create().id)
        webhook = merchant.wait_for(*PAID)[0]
        for secret in (WEBHOOK_SECRET, PREVIOUS_SECRET):
            stripe.Webhook.construct_event(webhook.body, webhook.headers["Stripe-Signature"], secret)
        signed = sandbox.control.settled()[0]["attempts"][0]["signed_with"]
        assert signed == ["PAYLINK_STRIPE_WEBHOOK_SECRET_PREVIOUS", "PAYLINK_STRIPE_WEBHOOK_SECRET"]


def test_a_failed_delivery_is_tried_again_and_signed_anew(sandbox: Sandbox, merchant: Merchant) -> None:
    """3xx and 5xx are failures; each try is recorded, and the event keeps its id."""
    merchant.answers = [500, 302, 503]
    session = sandbox.create()
    sandbox.control.pay(session.id, "expire")
    deliveries = sandbox.control.settled()
    assert [attempt["status_code"] for attempt in deliveries[0]["attempts"]] == [500, 302, 503, 200]
    assert (deliveries[0]["state"], len({item.event["id"] for item in merchant.received})) == ("delivered", 1)
    assert sandbox.client.v1.events.list().data[0].pending_webhooks == 0


def test_the_schedule_ends_after_three_days(environment: dict[str, str], merchant: Merchant) -> None:
    """A receiver that never accepts is given up after eleven tries; a resend begins again."""
    environment["PAYLINK_SANDBOX_TIME_SCALE"] = "1000000"
    with serve(environment, seed=3) as sandbox:
        merchant.answers = [500] * 11
        sandbox.control.pay(sandbox.create().id, "expire")
        delivery = sandbox.control.settled()[0]
        assert (delivery["state"], len(delivery["attempts"])) == ("failed", 11)
        sandbox.control.call("POST", f"/_sandbox/deliveries/{delivery['id']}/resend")
        assert sandbox.control.settled()[0]["attempts"][-1]["status_code"] == 200


def test_lost_webhooks_are_never_sent(sandbox: Sandbox, merchant: Merchant) -> None:
    """`webhook_drop` loses the next N that match; the record shows it."""
    sandbox.control.fault("webhook_drop", count=1, match="checkout.session.completed")
    sandbox.control.pay(sandbox.create().id)
    states = {item["type"]: item["state"] for item in sandbox.control.settled()}
    assert states.pop("checkout.session.completed") == "dropped"
    assert set(states.values()) == {"delivered"}
    assert sandbox.control.call("GET", "/_sandbox/faults")["faults"] == []


def test_an_answer_can_count_as_too_late(sandbox: Sandbox, merchant: Merchant) -> None:
    """The webhook has arrived, its 200 is not believed, and it comes again."""
    session = sandbox.create()
    sandbox.control.fault("webhook_timeout", count=1, match="checkout.session.completed")
    sandbox.control.pay(session.id)
    completed = next(d for d in sandbox.control.settled() if d["type"] == "checkout.session.completed")
    assert [attempt["status_code"] for attempt in completed["attempts"]] == [None, 200]
    assert "too late" in completed["attempts"][0]["error"]
    assert [item.type for item in merchant.received].count("checkout.session.completed") >= 2


def test_a_webhook_can_name_a_wrong_amount(sandbox: Sandbox, merchant: Merchant) -> None:
    """The lie is signed like the truth; the API still tells the truth."""
    sandbox.control.fault("webhook_wrong_amount", match="checkout.session.completed")
    session = sandbox.create()
    sandbox.control.pay(session.id)
    merchant.wait_for("checkout.session.completed")
    lie = next(item.event for item in merchant.received if item.type == "checkout.session.completed")
    assert lie["data"]["object"]["amount_total"] == 15_000_100
    assert sandbox.client.v1.checkout.sessions.retrieve(session.id).amount_total == 15_000_000


def test_webhooks_can_be_delayed_and_duplicated(sandbox: Sandbox, merchant: Merchant) -> None:
    """Delay and duplicate work together: two copies, neither before its time."""
    sandbox.control.fault("webhook_delay", seconds=0.4, count=1)
    sandbox.control.fault("webhook_duplicate", copies=2, count=1)
    sandbox.control.pay(sandbox.create().id, "expire")
    assert merchant.received == []
    received = merchant.wait_until(lambda: len(merchant.received) >= 3)
    assert len({item.event["id"] for item in received}) == 1


def test_reordered_webhooks_arrive_newest_first(sandbox: Sandbox, merchant: Merchant) -> None:
    """Held webhooks of an order are sent in the reverse of their order, across payment and refund."""
    sandbox.control.fault("webhook_reorder", seconds=2)
    sandbox.control.pay(sandbox.create().id)
    charge = sandbox.control.ledger()["charges"][0]["id"]
    sandbox.control.charge(charge, "refund")
    planned = [item["event_id"] for item in reversed(sandbox.control.deliveries())]
    sandbox.control.settled(timeout_s=8)
    received = [item.event["id"] for item in merchant.received]
    assert list(dict.fromkeys(received)) == list(dict.fromkeys(reversed(planned)))


def test_webhooks_can_arrive_before_create_returns(sandbox: Sandbox, merchant: Merchant) -> None:
    """The merchant hears of the payment before it knows the session's id."""
    sandbox.control.fault("webhook_before_answer", count=1)
    session = sandbox.create()
    assert {item.type for item in merchant.received} >= set(PAID)
    assert session.status == "open"
    assert sandbox.client.v1.checkout.sessions.retrieve(session.id).status == "complete"


def test_the_signature_is_the_reference_vector() -> None:
    """The header equals the vector that was cross-checked with stripe-python and openssl."""
    from paylink_sandbox.stripe.webhook import signature_header

    body = b'{"id":"evt_1PayLinkTest000001","object":"event","type":"checkout.session.completed"}'
    assert signature_header([PREVIOUS_SECRET, WEBHOOK_SECRET], body, 1767225600) == (
        "t=1767225600"
        ",v1=55b2de68ce3df3f91feb82973bfa28343dd7558cc0e93e4c8f660ca798ca4c75"
        ",v1=a28c1e6e6d9fd8e88e4db2df4cc643581e64738a22568554119773a07c2682ea"
    )
