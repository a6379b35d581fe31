"""What single providers do that others do not, through the whole of PayLink."""

import hashlib
import json
from typing import Any

import pytest

from support.stack import Answer, Stack


def alerts(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [alert for record in caplog.records if (alert := getattr(record, "alert", None))]


def choose(stack: Stack, **order: Any) -> tuple[dict[str, Any], str]:
    """Make a checkout; return the transaction and the address of its page."""
    answer = stack.checkout(**order)
    assert answer.status == 201, answer
    return answer.body, answer.body["checkout_url"]


# Midtrans


def notify(stack: Stack, **changes: str) -> Answer:
    """
    Send a notification as Midtrans signs it. Its signature covers order id, status code and gross amount, no more:
    what `changes` names beside these may be anybody's.
    """
    body = {"transaction_id": "9b0c3a4e-0000-4000-8000-00000000000f", "status_code": "200", "fraud_status": "accept"}
    body |= {"gross_amount": "150000.00", "currency": "IDR", "payment_type": "qris"} | changes
    key = stack.environ["PAYLINK_MIDTRANS_SERVER_KEY"]
    signed = body["order_id"] + body["status_code"] + body["gross_amount"] + key
    body["signature_key"] = hashlib.sha512(signed.encode()).hexdigest()
    return stack.call("POST", "/v1/webhook/midtrans", raw=json.dumps(body).encode())


def test_a_settlement_that_midtrans_does_not_confirm_moves_nothing(stack: Stack):
    """The signature holds, and says nothing of the status: a page on which nothing was chosen is not paid."""
    transaction, _ = choose(stack, provider="midtrans")
    order_id = f"paylink-{stack.attempt_id()}"
    assert notify(stack, order_id=order_id, transaction_status="settlement").status == 200
    stack.try_each_event()
    assert stack.transaction(transaction["id"])["state"] == "pending"
    assert [event["state"] for event in stack.events()] == ["in_flight"]


def test_the_payment_of_another_order_does_not_pay_this_one(stack: Stack):
    """The transaction id is not signed either: that of a paid order is left out of the answer about this one."""
    stack.paid(provider="midtrans", order_reference="paid-by-somebody")
    paid = stack.rows("select value from provider_references where kind = 'transaction'")[0]["value"]
    mine, _ = choose(stack, provider="midtrans", order_reference="mine")
    order_id = f"paylink-{stack.attempt_id(mine['id'])}"
    answer = notify(stack, order_id=order_id, transaction_id=paid, transaction_status="settlement")
    assert (answer.status, answer.body["duplicate"]) == (200, False)
    stack.try_each_event()
    assert stack.transaction(mine["id"])["state"] == "pending"
    assert stack.events()[-1]["state"] == "in_flight"


def test_a_notice_of_another_system_on_the_account_is_not_ours(stack: Stack):
    assert notify(stack, order_id="their-order-1", transaction_status="settlement").status == 200
    stack.settle()
    assert [(event["state"], event["reason"]) for event in stack.events()] == [("ignored", "not_ours")]


def test_a_bank_that_takes_a_settlement_back_fails_the_payment(stack: Stack, caplog: pytest.LogCaptureFixture):
    transaction, page = choose(stack, provider="midtrans")
    stack.pay(page, "choose-permata_va")
    stack.pay(page, "pay-chosen")
    stack.settle()
    assert stack.transaction(transaction["id"])["state"] == "paid"
    stack.on_charge("reverse")
    stack.settle()
    after = stack.transaction(transaction["id"])
    assert (after["state"], after["captured"]) == ("failed", 0)
    assert "payment_reversed" in alerts(caplog)


def test_a_card_payment_that_the_merchant_voids_is_not_paid_any_more(stack: Stack, caplog: pytest.LogCaptureFixture):
    """Captured and not settled yet, a card's money can be let go in the dashboard."""
    transaction, page = choose(stack, provider="midtrans")
    stack.pay(page, "card")
    stack.settle()
    assert stack.transaction(transaction["id"])["state"] == "paid"
    stack.on_charge("void")
    stack.settle()
    after = stack.transaction(transaction["id"])
    assert (after["state"], after["captured"]) == ("cancelled", 0)
    assert "payment_voided" in alerts(caplog)


def test_a_chosen_bank_transfer_stays_pending_until_the_money_arrives(stack: Stack):
    transaction, page = choose(stack, provider="midtrans")
    stack.pay(page, "choose-bca_va")
    stack.settle()
    assert stack.transaction(transaction["id"])["state"] == "pending"
    stack.pay(page, "pay-chosen")
    stack.settle()
    assert stack.states(transaction["id"]) == ["pending", "paid"]


def test_the_second_notice_of_a_refund_adds_nothing(stack: Stack):
    """The first comes when it is asked for, the second when the bank has confirmed it."""
    transaction = stack.paid(provider="midtrans")
    stack.on_charge("refund", amount=50_000)
    stack.settle()
    stack.on_charge("refund-confirm")
    stack.settle()
    after = stack.transaction(transaction["id"])
    assert (after["state"], after["refunded"]) == ("partially_refunded", 50_000)
    assert [event["event_type"] for event in stack.events()].count("partial_refund") == 2
    assert stack.states(transaction["id"]) == ["pending", "paid", "partially_refunded"]


@pytest.mark.parametrize(("decision", "state"), [("approve", "paid"), ("deny", "failed")])
def test_a_payment_under_fraud_review_waits_for_the_merchant(stack: Stack, decision: str, state: str):
    transaction, page = choose(stack, provider="midtrans")
    stack.pay(page, "challenge")
    stack.settle()
    assert stack.transaction(transaction["id"])["state"] == "authorized"
    stack.on_charge(decision)
    stack.settle()
    assert stack.transaction(transaction["id"])["state"] == state


def test_a_page_whose_answer_was_lost_is_left_behind(stack: Stack):
    """Its order id is never used again, and Snap does not repeat its address: the retry has a page of its own."""
    stack.fault("api_error_after", count=1, match="POST")
    first = stack.checkout("k", provider="midtrans")
    second = stack.checkout("k", provider="midtrans")
    assert (first.status, second.status) == (202, 201)
    pages = stack.ledger()["pages"]
    assert len({page["reference"] for page in pages}) == len(pages) == 2
    assert [attempt["outcome"] for attempt in stack.rows("select outcome from attempts order by number")] == [
        "not_sent",
        "pending",
    ]


# Xendit


def test_a_paid_invoice_that_xendit_does_not_confirm_moves_nothing(stack: Stack):
    """The callback token proves the sender and no field: whoever learned it still cannot pay with it."""
    transaction, page = choose(stack, provider="xendit")
    invoice = stack.page(page)["id"]
    body = {"id": invoice, "external_id": f"paylink-{stack.attempt_id()}", "status": "PAID", "amount": 150_000}
    headers = {"X-Callback-Token": stack.environ["PAYLINK_XENDIT_CALLBACK_TOKEN"], "Webhook-Id": "forged-1"}
    raw = json.dumps(body | {"paid_amount": 150_000, "currency": "IDR"}).encode()
    answer = stack.call("POST", "/v1/webhook/xendit", headers=headers, raw=raw)
    assert answer.status == 200
    stack.try_each_event()
    assert stack.transaction(transaction["id"])["state"] == "pending"
    assert [event["state"] for event in stack.events()] == ["in_flight"]


def test_an_invoice_paid_with_another_amount_waits_for_a_person(stack: Stack, caplog: pytest.LogCaptureFixture):
    """paid_amount decides, and amount alone does not: an open virtual account takes what it is sent."""
    transaction, page = choose(stack, provider="xendit")
    stack.pay(page, "pay-other-amount")
    stack.settle()
    assert stack.transaction(transaction["id"])["state"] == "pending"
    assert [(event["state"], event["reason"]) for event in stack.events()] == [("parked", "amount_mismatch")]
    assert "amount_mismatch" in alerts(caplog)


def test_money_on_an_expired_invoice_is_taken_with_an_alert(stack: Stack, caplog: pytest.LogCaptureFixture):
    transaction, page = choose(stack, provider="xendit")
    stack.pay(page, "expire")
    stack.settle()
    assert stack.transaction(transaction["id"])["state"] == "expired"
    stack.pay(page, "pay-late")
    stack.settle()
    assert stack.transaction(transaction["id"])["state"] == "paid"
    assert "paid_after_expired" in alerts(caplog)


def test_a_settlement_to_the_balance_changes_nothing(stack: Stack):
    """PAID becomes SETTLED without an event; asked later, it is the same payment."""
    transaction = stack.paid(provider="xendit")
    events = len(stack.events())
    stack.on_charge("settle")
    stack.settle()
    stack.on_charge("refund", amount=50_000)
    stack.on_charge("refund-complete")
    stack.settle()
    after = stack.transaction(transaction["id"])
    assert (after["state"], after["captured"], after["refunded"]) == ("partially_refunded", 150_000, 50_000)
    assert len(stack.events()) == events + 1


def test_a_webhook_that_xendit_takes_for_timed_out_never_comes_again(stack: Stack):
    """So what was not stored then is found by asking only."""
    stack.fault("webhook_timeout", count=1)
    transaction = stack.paid(provider="xendit")
    deliveries = stack.sandbox_call("GET", "/_sandbox/deliveries")["deliveries"]
    # The simulator may have sent a second copy by itself, which arrived.
    assert [len(delivery["attempts"]) for delivery in deliveries if delivery["state"] == "failed"] == [1]
    assert transaction["state"] == "paid"


def test_an_invoice_that_was_made_in_vain_is_used(stack: Stack):
    """Xendit would make another one under the same id, so it is looked up before anything is made again."""
    stack.fault("api_timeout", count=1, match="POST", seconds=9)
    first = stack.checkout("k", provider="xendit")
    second = stack.checkout("k", provider="xendit")
    assert (first.status, second.status) == (202, 201)
    assert [page["url"] for page in stack.ledger()["pages"]] == [second.body["checkout_url"]]


def test_an_answer_in_cents_is_exact(stack: Stack):
    """US$ 12.34 is 1234 here and 12.34 there, and never a binary fraction in between."""
    answer = stack.checkout(provider="xendit", amount=1234, currency="USD")
    assert answer.status == 201, answer
    assert stack.ledger()["pages"][0]["amount_decimal"] == "12.34"
    stack.pay(answer.body["checkout_url"], "pay-credit_card")
    stack.settle()
    after = stack.transaction(answer.body["id"])
    assert (after["state"], after["captured"]) == ("paid", 1234)
