"""Money only moves on evidence: signed events that claim too much, too little, or speak of something else."""

import uuid
from dataclasses import replace
from typing import Any

import pytest

from paylink.providers.port import Assurance, Verified
from support.signing import intent_event
from support.stack import Stack


def outcome(stack: Stack, event: dict[str, Any]) -> tuple[str, str | None]:
    stack.deps.processing.process([stack.deliver(event)])
    row = stack.rows("select state, reason from webhook_events where event_id = %s", event["id"])[0]
    return row["state"], row["reason"]


def test_nothing_received_is_no_payment(stack: Stack):
    transaction_id = stack.checkout().body["id"]
    event = intent_event("succeeded", "evt_zero", stack.attempt_id(), amount_received=0)
    assert outcome(stack, event) == ("parked", "amount_mismatch")
    assert stack.transaction(transaction_id)["state"] == "pending"


def test_an_authorization_of_another_amount_is_not_ours(stack: Stack):
    transaction_id = stack.checkout().body["id"]
    event = intent_event("amount_capturable_updated", "evt_auth", stack.attempt_id(), amount=100)
    assert outcome(stack, event) == ("parked", "amount_mismatch")
    assert stack.transaction(transaction_id)["state"] == "pending"


def test_another_currency_is_not_ours(stack: Stack):
    transaction_id = stack.checkout().body["id"]
    event = intent_event(
        "succeeded", "evt_usd", stack.attempt_id(), currency="usd", amount=150_000, amount_received=150_000
    )
    assert outcome(stack, event) == ("parked", "amount_mismatch")
    assert stack.transaction(transaction_id)["state"] == "pending"


def test_money_on_an_expired_transaction_is_asked_about_before_it_is_believed(stack: Stack):
    """The provider does not confirm it: asked again later and later, and however many copies of the message come."""
    answer = stack.checkout()
    stack.pay(answer.body["checkout_url"], "expire")
    stack.settle()
    row_id = stack.deliver(intent_event("succeeded", "evt_late", stack.attempt_id()))
    for _ in range(10):
        stack.deps.processing.process([row_id])
    work = stack.rows("select next_attempt_at, asked, attempts from unfinished_events where event_row_id = %s", row_id)[
        0
    ]
    assert work["next_attempt_at"]
    assert (work["asked"], work["attempts"]) == (1, 0)
    for _ in range(5):
        stack.rows("update unfinished_events set not_before = now() where event_row_id = %s", row_id)
        stack.deps.processing.process([row_id])
    event = stack.rows("select state, reason from webhook_events where id = %s", row_id)[0]
    assert (event["state"], event["reason"]) == ("ignored", "unconfirmed")
    assert stack.states(answer.body["id"]) == ["pending", "expired"]


def test_copies_of_a_message_do_not_burn_attempts_while_the_provider_is_away(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
):
    paid = stack.paid()
    intent = stack.rows("select value from provider_references where kind = 'payment_intent'")[0]["value"]
    stack.fault("webhook_drop")
    stack.on_charge("refund")
    event = {"id": "evt_r", "type": "charge.refunded", "data": {"object": {"id": "ch_1", "payment_intent": intent}}}
    row_id = stack.deliver(event)
    with monkeypatch.context() as patch:
        patch.setattr(stack.deps.providers["stripe"]._client._http, "_base", "http://127.0.0.1:9")
        for _ in range(12):
            stack.deps.processing.process([row_id])
    assert stack.rows("select attempts from unfinished_events where event_row_id = %s", row_id) == [{"attempts": 1}]
    stack.rows("update unfinished_events set not_before = now() where event_row_id = %s", row_id)
    stack.deps.processing.process([row_id])
    assert stack.transaction(paid["id"])["state"] == "refunded"


def test_a_body_that_was_dropped_for_its_age_ends_dead_and_alone(stack: Stack):
    transaction_id = stack.checkout().body["id"]
    gone = stack.deliver({"id": "evt_gone", "type": "x.y", "data": {"object": {}}})
    good = stack.deliver(intent_event("succeeded", "evt_good", stack.attempt_id()))
    stack.rows("delete from webhook_bodies where event_row_id = %s", gone)
    assert not stack.deps.processing.process([gone, good])
    assert stack.transaction(transaction_id)["state"] == "paid"
    assert stack.rows("select state, reason from webhook_events where id = %s", gone)[0]["reason"] == "body_gone"


@pytest.mark.parametrize(
    "session",
    [
        {"amount_total": None, "currency": None, "mode": "setup"},
        {"amount_total": 100_000, "currency": "huf"},
        {"amount_total": 150_050, "currency": "idr"},
    ],
    ids=["no amount", "a currency we do not take", "sen"],
)
def test_what_another_system_sells_is_not_ours_whatever_its_amount(stack: Stack, session: dict[str, Any]):
    foreign = {"id": "cs_x", "payment_intent": None, "payment_status": "paid", "status": "complete", "metadata": {}}
    event = {"id": "evt_f", "type": "checkout.session.completed", "data": {"object": foreign | session}}
    assert outcome(stack, event) == ("ignored", "not_ours")


def test_an_answer_that_changed_nothing_still_outdates_an_older_one(stack: Stack, monkeypatch: pytest.MonkeyPatch):
    """E1 hears of a refund and stalls; the refund fails; E2 hears of none, as stored; E1 must not be applied."""
    paid = stack.paid()
    intent = stack.rows("select value from provider_references where kind = 'payment_intent'")[0]["value"]

    def refunded(event_id: str) -> uuid.UUID:
        thing = {"id": "ch_1", "payment_intent": intent}
        return stack.deliver({"id": event_id, "type": "charge.refunded", "data": {"object": thing}})

    stack.fault("webhook_drop")
    stack.on_charge("refund", amount=5_000_000)
    first, second = refunded("evt_e1"), refunded("evt_e2")
    provider = type(stack.deps.providers["stripe"])
    fetch = provider.fetch_payment

    def stalling(self, account, references):
        answer = fetch(self, account, references)
        monkeypatch.setattr(provider, "fetch_payment", fetch)
        stack.on_charge("refund-failed")
        stack.deps.processing.process([second])
        return answer

    monkeypatch.setattr(provider, "fetch_payment", stalling)
    stack.deps.processing.process([first])
    assert (stack.transaction(paid["id"])["state"], stack.transaction(paid["id"])["refunded"]) == ("paid", 0)


def test_a_dispute_that_is_lost_tells_so_in_the_history(stack: Stack):
    paid = stack.paid()
    stack.on_charge("dispute")
    stack.settle()
    stack.on_charge("dispute-lost")
    stack.settle()
    assert [row["dispute"] for row in stack.transaction(paid["id"])["history"]] == [None, None, "open", "lost"]


def test_a_fraction_of_a_rupiah_given_back_does_not_hide_the_refund(stack: Stack):
    """Others may refund in the provider's unit; what they did is recorded, counted up to a whole rupiah."""
    paid = stack.paid()
    stack.on_charge("refund", amount=1_050)
    stack.settle()
    transaction = stack.transaction(paid["id"])
    assert (transaction["state"], transaction["refunded"]) == ("partially_refunded", 11)


def test_an_event_that_waits_or_died_is_seen_on_its_transaction(stack: Stack, monkeypatch: pytest.MonkeyPatch):
    paid = stack.paid()
    stack.fault("webhook_drop")
    stack.on_charge("refund")
    intent = stack.rows("select value from provider_references where kind = 'payment_intent'")[0]["value"]
    event = {"id": "evt_r", "type": "charge.refunded", "data": {"object": {"id": "ch_1", "payment_intent": intent}}}
    row_id = stack.deliver(event)
    monkeypatch.setattr(stack.deps.providers["stripe"]._client._http, "_base", "http://127.0.0.1:9")
    stack.deps.processing.process([row_id])

    def seen() -> dict[str, Any]:
        return next(e for e in stack.transaction(paid["id"])["events"] if e["event_id"] == "evt_r")

    assert (seen()["state"], seen()["type"]) == ("in_flight", "charge.refunded")
    for _ in range(10):
        stack.rows("update unfinished_events set not_before = now() where event_row_id = %s", row_id)
        stack.deps.processing.process([row_id])
    assert (seen()["state"], seen()["type"], seen()["reason"]) == ("dead", "charge.refunded", "attempts_exhausted")


def test_a_dispute_that_names_only_its_charge_is_asked_about_by_what_is_known(stack: Stack):
    paid = stack.paid()
    charge = stack.ledger()["charges"][0]["id"]
    stack.fault("webhook_drop")
    stack.on_charge("dispute")
    dispute = {"id": "du_1", "charge": charge, "payment_intent": None, "status": "needs_response"}
    row_id = stack.deliver({"id": "evt_d", "type": "charge.dispute.created", "data": {"object": dispute}})
    # The charge is known from an earlier answer.
    stack.rows(
        "insert into provider_references (account_id, kind, value, transaction_id)"
        " select account_id, 'charge', %s, id from transactions on conflict do nothing",
        charge,
    )
    stack.reopen(row_id)
    stack.deps.processing.process([row_id])
    assert stack.transaction(paid["id"])["state"] == "disputed"


@pytest.fixture
def signature_without_status(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    """As with providers whose signature does not cover the status."""
    signature = stack.deps.parts.signatures["stripe"]
    verify = signature.verify

    def partly(*arguments: Any) -> Verified:
        return replace(verify(*arguments), assurance=Assurance.PARTIAL)

    monkeypatch.setattr(signature, "verify", partly)


@pytest.mark.usefixtures("signature_without_status")
def test_a_status_that_the_signature_does_not_cover_is_confirmed_by_asking(stack: Stack):
    paid = stack.paid()
    assert [(row["state"], row["evidence"]) for row in paid["history"]] == [("pending", "request"), ("paid", "pull")]


@pytest.mark.usefixtures("signature_without_status")
def test_a_payment_that_only_the_webhook_claims_moves_nothing(stack: Stack):
    """Nobody has paid; whoever can sign part of an event cannot make money of it."""
    transaction_id = stack.checkout().body["id"]
    event = intent_event("succeeded", "evt_forged", stack.attempt_id())
    event["data"]["object"]["id"] = "pi_forged"
    assert outcome(stack, event) == ("in_flight", None)
    for _ in range(5):
        stack.rows("update unfinished_events set not_before = now()")
        stack.deps.processing.process(stack.event_ids())
    assert stack.rows("select state, reason from webhook_events") == [{"state": "ignored", "reason": "unconfirmed"}]
    assert stack.states(transaction_id) == ["pending"]


@pytest.mark.usefixtures("signature_without_status")
def test_another_orders_payment_does_not_pay_this_one(stack: Stack, caplog: pytest.LogCaptureFixture):
    """The claim names our attempt and the intent of an order that is paid: the provider confirms that one, not ours."""
    stack.paid(order_reference="the-paid-one")
    intent = stack.rows("select value from provider_references where kind = 'payment_intent'")[0]["value"]
    ours = stack.checkout(order_reference="the-unpaid-one").body["id"]
    event = intent_event("succeeded", "evt_borrowed", stack.attempt_id(ours))
    event["data"]["object"]["id"] = intent
    assert outcome(stack, event) == ("ignored", "references_disagree")
    assert stack.states(ours) == ["pending"]
    assert stack.reconcile()["changed"] == 0
