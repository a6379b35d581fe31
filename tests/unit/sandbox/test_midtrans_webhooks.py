"""Notifications: signature, body, retries and faults."""

import json
from collections.abc import Iterator
from pathlib import Path

import midtransclient
import pytest

from paylink_sandbox.midtrans.signature import signature_key
from paylink_sandbox.midtrans.webhook import MidtransWebhooks
from support.serving import QuietHandler, serving

from .conftest import Merchant
from .midtrans_support import SERVER_KEY, Sandbox, environment_of, notices, serve, tries_of


@pytest.fixture
def sandbox(merchant: Merchant, tmp_path: Path) -> Iterator[Sandbox]:
    with serve(environment_of(merchant, tmp_path)) as sandbox:
        yield sandbox


@pytest.mark.parametrize(
    ("order_id", "status_code", "gross_amount", "key", "expected"),
    [
        (
            "PL-20260101-0001",
            "200",
            "150000.00",
            SERVER_KEY,
            "379397a94cdc5cc8513fc3a3e356072b276ce90ff63c18a0d8d1ad500f2c52a0"
            "9a8027c6dd2af2413168c5c6bcba3fcd356f408c185686cc764fdacb5f479744",
        ),
        (
            "PL-20260101-0001",
            "407",
            "150000.00",
            SERVER_KEY,
            "9d3a6af789be0cf07c18ed1ef8f3ee3991fec134a744b3b1338ab0e6d8be1072"
            "e189997d74babdfcd1a199cfb017412b52f695943f0efc9b21f1565e7a03da23",
        ),
        (
            "1111",
            "200",
            "100000.00",
            "askvnoibnosifnboseofinbofinfgbiufglnbfg",
            "edc076b21793ebe3e17926350f5b8ae67d902fe657b3d0aa31b932d5c127e237"
            "5d308a2bc94f3265ac2d80a1f181a79b997ac178a236fcff35af263fc4d4c231",
        ),
    ],
)
def test_the_signature_is_the_reference_vector(
    order_id: str, status_code: str, gross_amount: str, key: str, expected: str
) -> None:
    """Over the strings as they are sent: the amount with its decimals."""
    assert signature_key(order_id, status_code, gross_amount, key) == expected


def test_a_notification_on_the_wire_carries_the_reference_signature(sandbox: Sandbox, merchant: Merchant) -> None:
    """For the order, amount and key of the documented vector."""
    sandbox.paid("PL-20260101-0001")
    settled = next(n for n in notices(merchant, "settlement") if n["transaction_status"] == "settlement")
    assert settled["signature_key"].startswith("379397a94cdc5cc8513fc3a3e356072b")
    assert settled["gross_amount"] == "150000.00"


def test_a_notification_says_what_the_status_says(sandbox: Sandbox, merchant: Merchant) -> None:
    """Only the message differs. The path, the agent and the type are Midtrans'; there is no event id."""
    sandbox.paid("ORDER-1", "choose-bca_va", "pay-chosen")
    settled = next(n for n in notices(merchant, "settlement") if n["transaction_status"] == "settlement")
    assert settled["status_message"] == "midtrans payment notification"
    assert {**settled, "status_message": ""} == {**sandbox.status(), "status_message": ""}
    received = merchant.received[0]
    assert received.path == "/v1/webhook/midtrans"
    assert received.headers["User-Agent"] == "Veritrans"
    assert received.headers["Content-Type"] == "application/json"


def test_midtrans_own_helper_reads_a_notification(sandbox: Sandbox, merchant: Merchant) -> None:
    """notification() takes the body, as text or parsed, and asks for the status by transaction_id."""
    sandbox.paid()
    notices(merchant, "settlement")
    for helper in (sandbox.core.transactions.notification, sandbox.snap.transactions.notification):
        body = merchant.received[0].body.decode()
        for given in (body, json.loads(body)):
            assert helper(given)["transaction_status"] == "settlement"


def test_the_first_of_two_keys_signs(merchant: Merchant, tmp_path: Path) -> None:
    """While a key is rolled the new one stands first; the record names the setting, never a key."""
    environment = environment_of(merchant, tmp_path)
    environment["PAYLINK_MIDTRANS_SERVER_KEY"] = f"{SERVER_KEY},SB-Mid-server-old"
    with serve(environment) as sandbox:
        sandbox.paid()
        told = notices(merchant, "settlement")[-1]
        assert told["signature_key"] == signature_key("ORDER-1", told["status_code"], "150000.00", SERVER_KEY)
        delivery = sandbox.control.settled()[0]
        assert delivery["attempts"][0]["signed_with"] == ["PAYLINK_MIDTRANS_SERVER_KEY"]


@pytest.mark.parametrize(
    ("answer", "tries"),
    [(200, 1), (204, 1), (301, 1), (302, 1), (303, 1), (500, 2), (400, 3), (404, 3), (503, 5), (502, 6), (403, 6)],
)
def test_the_answer_decides_how_often_it_is_tried_again(
    sandbox: Sandbox, merchant: Merchant, answer: int, tries: int
) -> None:
    """500 once more, 400 and 404 twice, 503 four times, a redirect with 301 to 303 never, anything else five times."""
    merchant.answers = [answer] * 10
    sandbox.control.pay(sandbox.create(), "choose-bca_va")
    assert tries_of(sandbox) == [answer] * tries


def test_the_latest_answer_counts(sandbox: Sandbox, merchant: Merchant) -> None:
    """After one failure of another kind a 500 has no retry left."""
    merchant.answers = [503, 500]
    sandbox.control.pay(sandbox.create(), "choose-bca_va")
    assert tries_of(sandbox) == [503, 500]


def test_an_answer_that_comes_too_late_is_tried_again_five_times(sandbox: Sandbox, merchant: Merchant) -> None:
    """A timeout is a failure like most, though the merchant has the webhook."""
    sandbox.control.fault("webhook_timeout")
    sandbox.control.pay(sandbox.create(), "choose-bca_va")
    assert tries_of(sandbox) == [None] * 6
    assert len(merchant.received) == 6


def test_the_waits_between_tries() -> None:
    """2 min, 10 min, 30 min, 1.5 h, 3.5 h, then no more; 15 seconds to answer."""
    rules = MidtransWebhooks()
    waits = [rules.retry_after_s(failures, 502, timed_out=False) for failures in range(1, 7)]
    assert waits == [120, 600, 1_800, 5_400, 12_600, None]
    assert [rules.retry_after_s(failures, None, timed_out=True) for failures in (5, 6)] == [12_600, None]
    assert rules.timeout_s == 15


@pytest.mark.parametrize(("hops", "tries"), [(1, [200]), (5, [200]), (6, [307] * 6)])
def test_307_is_followed_five_times(merchant: Merchant, tmp_path: Path, hops: int, tries: list[int]) -> None:
    """With the body and the method; a longer chain is a failure."""
    bodies: list[bytes] = []

    class Hopping(QuietHandler):
        def do_POST(self) -> None:
            bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
            done = int(self.path.rpartition("-")[2] if "-" in self.path else 0)
            self.send_response(200 if done == hops else 307)
            self.send_header("Location", f"/hop-{done + 1}")
            self.send_header("Content-Length", "0")
            self.end_headers()

    with serving(Hopping) as address:
        merchant.url = address
        with serve(environment_of(merchant, tmp_path)) as sandbox:
            sandbox.control.pay(sandbox.create(), "choose-bca_va")
            assert tries_of(sandbox) == tries
    assert len(set(bodies)) == 1


def test_a_request_can_name_where_to_send(sandbox: Sandbox, merchant: Merchant) -> None:
    """X-Append-Notification adds addresses, X-Override-Notification replaces all and wins."""
    body = {"transaction_details": {"order_id": "ORDER-1", "gross_amount": 1}}
    extra, other = f"{merchant.url}/extra", f"{merchant.url}/other"
    headers = {"X_Append_Notification": f"{extra}, {other}"}
    assert sandbox.call("POST", "/snap/v1/transactions", body, **headers)[0] == 201
    body["transaction_details"]["order_id"] = "ORDER-2"
    headers["X_Override_Notification"] = other
    assert sandbox.call("POST", "/snap/v1/transactions", body, **headers)[0] == 201
    body["transaction_details"]["order_id"] = "ORDER-3"
    for wrong in ("ftp://x/", ",".join([other] * 4)):
        assert sandbox.call("POST", "/snap/v1/transactions", body, X_Override_Notification=wrong)[0] == 400
    for page in sandbox.control.ledger()["pages"]:
        sandbox.control.pay(page["id"], "choose-qris")
    sandbox.control.settled()
    sent = sorted((received.event["order_id"], received.path) for received in merchant.received)
    dashboard = "/v1/webhook/midtrans"
    assert sent == [("ORDER-1", "/extra"), ("ORDER-1", "/other"), ("ORDER-1", dashboard), ("ORDER-2", "/other")]


def test_a_lie_about_the_amount_is_rightly_signed(sandbox: Sandbox, merchant: Merchant) -> None:
    """Only the amount is wrong; the status tells the truth."""
    sandbox.control.fault("webhook_wrong_amount", match="settlement")
    sandbox.paid()
    lie = next(n for n in notices(merchant, "settlement") if n["transaction_status"] == "settlement")
    assert lie["gross_amount"] == "150100.00"
    assert lie["signature_key"] == signature_key("ORDER-1", "200", "150100.00", SERVER_KEY)
    assert sandbox.status()["gross_amount"] == "150000.00"


def test_settlement_can_arrive_before_pending_and_twice(sandbox: Sandbox, merchant: Merchant) -> None:
    """`webhook_reorder` and `webhook_duplicate`."""
    sandbox.control.fault("webhook_reorder", seconds=1, count=2)
    sandbox.control.fault("webhook_duplicate", copies=1, count=1, match="settlement")
    sandbox.paid()
    sandbox.control.settled(timeout_s=8)
    told = [notice["transaction_status"] for notice in notices(merchant, "pending", "settlement")]
    assert told == ["settlement", "settlement", "pending"]


def test_a_lost_notification_leaves_the_status_to_ask(sandbox: Sandbox, merchant: Merchant) -> None:
    """`webhook_drop` sends nothing; the status still knows."""
    sandbox.control.fault("webhook_drop")
    sandbox.paid()
    assert {item["state"] for item in sandbox.control.deliveries()} == {"dropped"}
    assert sandbox.status()["transaction_status"] == "settlement"
    assert merchant.received == []


def test_notifications_can_arrive_before_create_returns(sandbox: Sandbox, merchant: Merchant) -> None:
    """The merchant hears of the payment before it knows the page."""
    sandbox.control.fault("webhook_before_answer", count=1)
    sandbox.create()
    assert {item.event["transaction_status"] for item in merchant.received} == {"pending", "settlement"}
    with pytest.raises(midtransclient.MidtransAPIError, match="412"):
        sandbox.core.transactions.cancel("ORDER-1")
