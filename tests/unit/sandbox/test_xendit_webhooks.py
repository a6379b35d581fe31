"""Webhooks as Xendit sends them: the token, the id, what is in them, and when they come again."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import urllib3

from paylink_sandbox.deliveries import Delivery
from paylink_sandbox.xendit.webhook import XenditWebhooks

from .conftest import Merchant
from .xendit_support import CALLBACK_TOKEN, Xendit, serve


@pytest.fixture
def xendit(merchant: Merchant, tmp_path: Path) -> Iterator[Xendit]:
    with serve(merchant, tmp_path) as running:
        yield running


def test_a_webhook_carries_the_token_and_its_id(xendit: Xendit) -> None:
    """The token exactly as it is configured, and nothing that depends on the body."""
    xendit.paid()
    received = xendit.events(count=1)[0]
    assert received.path == "/v1/webhook/xendit"
    assert received.headers["x-callback-token"] == CALLBACK_TOKEN
    assert received.headers["webhook-id"] == xendit.control.deliveries()[0]["event_id"]
    assert received.headers["Content-Type"] == "application/json"


def test_the_token_is_never_shown(xendit: Xendit) -> None:
    """The control API and the operator's page name the variable, not its value."""
    xendit.paid()
    delivery = xendit.control.settled()[0]
    assert delivery["attempts"][0]["signed_with"] == ["PAYLINK_XENDIT_CALLBACK_TOKEN"]
    page = urllib3.request("GET", xendit.url).data.decode()
    assert CALLBACK_TOKEN not in page + json.dumps(xendit.control.deliveries())


def test_the_new_token_is_sent_while_one_is_rolled(merchant: Merchant, tmp_path: Path) -> None:
    """The account has one token; the first of the list."""
    with serve(merchant, tmp_path, PAYLINK_XENDIT_CALLBACK_TOKEN=f"xnd_cb_new,{CALLBACK_TOKEN}") as xendit:
        xendit.paid()
        assert xendit.events(count=1)[0].headers["x-callback-token"] == "xnd_cb_new"


def test_an_invoice_event_is_flat_and_has_no_name(xendit: Xendit) -> None:
    """The documented fields of a paid virtual account; the page's own lists are not among them."""
    invoice = xendit.paid(action="pay-bca", description="Two chairs", payer_email="buyer@example.com")
    event = xendit.events(count=1)[0].event
    expected = {
        "id": invoice["id"],
        "external_id": "PL-1",
        "user_id": invoice["user_id"],
        "is_high": False,
        "payment_method": "BANK_TRANSFER",
        "status": "PAID",
        "merchant_name": "Demo Store",
        "amount": 150_000,
        "paid_amount": 150_000,
        "bank_code": "BCA",
        "paid_at": invoice["paid_at"],
        "payer_email": "buyer@example.com",
        "description": "Two chairs",
        "currency": "IDR",
        "payment_channel": "BCA",
        "payment_destination": invoice["available_banks"][0]["bank_account_number"],
        "payment_id": invoice["payment_id"],
        "created": invoice["created"],
        "updated": invoice["updated"],
    }
    assert event == expected


def test_an_expired_invoice_is_told(xendit: Xendit) -> None:
    """As an account does that has opted in."""
    xendit.act(xendit.invoice(), "expire")
    event = xendit.events(count=1)[0].event
    assert event["status"] == "EXPIRED"
    assert "paid_amount" not in event


def test_a_failed_delivery_comes_again_under_the_same_id(merchant: Merchant, tmp_path: Path) -> None:
    """Six retries, then it is given up."""
    merchant.answers = [500, 503, 400, 404, 302, 429, 500]
    with serve(merchant, tmp_path, PAYLINK_SANDBOX_TIME_SCALE="1000000") as xendit:
        xendit.act(xendit.invoice(), "pay")
        (delivery, *_) = xendit.control.settled()
        assert (delivery["state"], len(delivery["attempts"])) == ("failed", 7)
    assert len(merchant.received) == 7
    assert len({received.headers["webhook-id"] for received in merchant.received}) == 1
    assert len({received.body for received in merchant.received}) == 1


def test_retries_come_at_the_documented_times() -> None:
    """15 minutes, 1, 3, 6, 12 and 24 hours after the first try."""
    rules, at, times = XenditWebhooks("token"), 0.0, []
    for failures in range(1, 7):
        wait_s = rules.retry_after_s(failures, 500, timed_out=False)
        assert wait_s is not None
        at += wait_s
        times.append(at / 3600)
    assert times == [0.25, 1, 3, 6, 12, 24]
    assert rules.retry_after_s(7, 500, timed_out=False) is None


def test_without_an_answer_only_a_timeout_ends_it() -> None:
    """A refused connection is tried again; silence for 30 seconds is not."""
    rules = XenditWebhooks("token")
    assert rules.timeout_s == 30
    assert rules.retry_after_s(1, None, timed_out=False) == 900
    assert rules.retry_after_s(1, None, timed_out=True) is None


def test_a_receiver_that_is_too_slow_is_not_asked_again(xendit: Xendit) -> None:
    """The event arrived, its answer counts as too late: only a resend brings it once more, under the same id."""
    xendit.control.fault("webhook_timeout", count=1)
    xendit.act(xendit.invoice(), "pay")
    (delivery,) = xendit.control.settled()
    assert (delivery["state"], len(delivery["attempts"])) == ("failed", 1)
    xendit.control.call("POST", f"/_sandbox/deliveries/{delivery['id']}/resend")
    (delivery,) = xendit.control.settled()
    assert (delivery["state"], len(delivery["attempts"])) == ("delivered", 2)
    first, second = xendit.merchant.received
    assert first.headers["webhook-id"] == second.headers["webhook-id"]


@pytest.mark.parametrize(("status", "accepted"), [(200, True), (204, True), (299, True), (301, False), (500, False)])
def test_any_2xx_is_an_answer(status: int, accepted: bool) -> None:
    assert XenditWebhooks("token").accepted(status) is accepted


@pytest.mark.parametrize("token", ["xnd_cb_test_9f8e7d6c5b4a", "xnd_cb_test_9f8e7d6c5b4A", "with=+/signs"])
def test_the_token_goes_out_unchanged(token: str) -> None:
    """The test vectors, as their sender: no trimming, no other case."""
    delivery = Delivery(1, "xendit", "event-1", "invoice.paid", None, "http://x", b"{}", "pending", 0, 0, 0, ())
    signed = XenditWebhooks(token).sign(delivery, 0)
    assert (signed.headers["x-callback-token"], signed.headers["webhook-id"]) == (token, "event-1")
    assert token not in signed.secrets


@pytest.mark.parametrize(
    ("amount", "currency", "told"), [(150_000, "IDR", "150100"), (12.34, "USD", "112.34"), (20_000, "VND", "20100")]
)
def test_a_wrong_amount_is_still_authorised(xendit: Xendit, amount: Any, currency: str, told: str) -> None:
    """Only the amount lies; what the API says stays true."""
    xendit.control.fault("webhook_wrong_amount", count=1)
    invoice = xendit.paid(amount=amount, currency=currency)
    received = xendit.events(count=1)[0]
    assert received.headers["x-callback-token"] == CALLBACK_TOKEN
    assert f'"paid_amount":{told},' in received.body.decode()
    assert float(invoice["paid_amount"]) == amount


def test_wrong_amounts_of_refunds_and_disputes(xendit: Xendit) -> None:
    xendit.control.fault("webhook_wrong_amount")
    invoice = xendit.paid()
    xendit.refund(invoice, amount=50_000)
    xendit.act_on_charge(invoice, "refund-complete")
    xendit.act_on_charge(invoice, "dispute")
    _, refund, dispute = (event.event for event in xendit.events(count=3))
    assert (refund["data"]["amount"], dispute["amount"]["initial"]) == (50_100, "100100")


def test_a_delayed_a_lost_and_a_repeated_webhook(xendit: Xendit) -> None:
    """The knobs work by event name, and a repetition has the id of the first."""
    xendit.control.fault("webhook_drop", match="invoice.expired")
    xendit.control.fault("webhook_duplicate", match="invoice.paid", copies=3)
    xendit.act(xendit.invoice("PL-1"), "expire")
    xendit.paid("PL-2")
    states = [delivery["state"] for delivery in xendit.control.settled("PL-1")]
    assert set(states) == {"dropped"}
    xendit.control.settled("PL-2")
    ids = [received.headers["webhook-id"] for received in xendit.merchant.received]
    assert len(ids) >= 4
    assert len(set(ids)) == 1


def test_webhooks_can_come_newest_first(xendit: Xendit) -> None:
    xendit.control.fault("webhook_reorder", seconds=1)
    made = xendit.invoice()
    xendit.act(made, "expire")
    xendit.act(made, "pay-late")
    assert [event.event["status"] for event in xendit.events(count=2)] == ["PAID", "EXPIRED"]


def test_the_channel_sometimes_repeats_itself(xendit: Xendit) -> None:
    """Some events are delivered twice without any fault."""
    for number in range(40):
        xendit.act(xendit.invoice(f"PL-{number}"), "pay")
    deliveries = xendit.control.settled()
    assert 40 < len(deliveries) < 60
    assert len({delivery["event_id"] for delivery in deliveries}) == 40
