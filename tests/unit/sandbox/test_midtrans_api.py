"""Midtrans' own client is the judge of the simulated API."""

import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import midtransclient
import pytest
import urllib3

from paylink_sandbox.errors import ConfigError
from paylink_sandbox.midtrans.settings import Settings

from .conftest import Merchant
from .midtrans_support import SERVER_KEY, Sandbox, connect, environment_of, order, serve

CREATE = "/snap/v1/transactions"


@pytest.fixture
def sandbox(merchant: Merchant, tmp_path: Path) -> Iterator[Sandbox]:
    with serve(environment_of(merchant, tmp_path)) as sandbox:
        yield sandbox


def refused(call: Any, *arguments: Any) -> midtransclient.MidtransAPIError:
    with pytest.raises(midtransclient.MidtransAPIError) as caught:
        call(*arguments)
    return caught.value


def test_a_new_page_has_an_address_and_no_transaction(sandbox: Sandbox) -> None:
    """Create answers 201 with a token and where to pay; status is 404, in HTTP and in the body, until a choice."""
    status, made = sandbox.call("POST", CREATE, order())
    assert status == 201
    assert set(made) == {"token", "redirect_url"}
    assert made["redirect_url"].endswith(f"/midtrans/pay/{made['token']}")
    assert "Rp 150.000" in sandbox.page(made["token"])
    assert sandbox.control.ledger()["pages"][0]["url"] == made["redirect_url"]
    missing = refused(sandbox.status, "ORDER-1")
    assert (missing.http_status_code, missing.api_response_dict["status_code"]) == (404, "404")
    assert missing.api_response_dict["status_message"] == "Transaction doesn't exist."
    assert uuid.UUID(missing.api_response_dict["id"])


def test_an_order_id_is_taken_for_ever(sandbox: Sandbox) -> None:
    """Even after its page has expired, and however many requests come at once."""
    body = order()
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: sandbox.call("POST", CREATE, body), range(8)))
    assert sorted(status for status, _ in answers) == [201] + [400] * 7
    sandbox.clock.offset_s = 400 * 86_400
    again = refused(sandbox.create)
    assert again.http_status_code == 400
    assert again.api_response_dict == {"error_messages": ["transaction_details.order_id has already been taken"]}
    assert len(sandbox.control.ledger()["pages"]) == 1


DETAILS = {"order_id": "O", "gross_amount": 150_000}
ITEM = {"name": "Table", "price": 150_000, "quantity": 1}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"transaction_details": {}}, "transaction_details.order_id is required"),
        ({"transaction_details": None}, "transaction_details.order_id is required"),
        ({"transaction_details": "x"}, "transaction_details must be an object"),
        ({"transaction_details": {**DETAILS, "order_id": "a b"}}, "transaction_details.order_id has characters"),
        ({"transaction_details": {**DETAILS, "order_id": "x" * 51}}, "transaction_details.order_id is too long"),
        ({"transaction_details": {**DETAILS, "order_id": "\ud800"}}, "transaction_details.order_id must be a string"),
        ({"transaction_details": {"order_id": "O"}}, "transaction_details.gross_amount is required"),
        ({"transaction_details": {**DETAILS, "gross_amount": 0}}, "transaction_details.gross_amount must be"),
        ({"transaction_details": {**DETAILS, "gross_amount": 1.5}}, "transaction_details.gross_amount must be"),
        ({"transaction_details": {**DETAILS, "gross_amount": True}}, "transaction_details.gross_amount must be"),
        ({"transaction_details": {**DETAILS, "gross_amount": 10**30}}, "transaction_details.gross_amount must be"),
        ({"item_details": [{**ITEM, "price": 149_999}]}, "transaction_details.gross_amount must be equal to the sum"),
        ({"item_details": [{**ITEM, "quantity": 0}]}, "item_details[0].quantity must be"),
        ({"item_details": [{**ITEM, "name": "x" * 51}]}, "item_details[0].name is too long"),
        ({"item_details": [7]}, "item_details must be an array of objects"),
        ({"enabled_payments": ["cash"]}, "enabled_payments names no payment method"),
        ({"enabled_payments": "qris"}, "enabled_payments must be an array of strings"),
        ({"callbacks": {"finish": "javascript:alert(1)"}}, "callbacks.finish must be an http or https address"),
        ({"credit_card": {"type": "later"}}, "credit_card.type must be"),
        ({"expiry": {"unit": "week", "duration": 1}}, "expiry.unit must be"),
        ({"expiry": {"unit": "hour"}}, "expiry.duration is required"),
        ({"expiry": {"start_time": "soon", "unit": "hour", "duration": 1}}, "expiry.start_time must be written"),
        (
            {"expiry": {"start_time": "2020-01-01 00:00:00 +0700", "unit": "hour", "duration": 1}},
            "expiry lies in the past",
        ),
        (
            {"expiry": {"start_time": "9999-12-31 23:59:59 +0700", "unit": "days", "duration": 1_000_000}},
            "expiry lies too far ahead",
        ),
        ({"page_expiry": {"unit": "day", "duration": 8}}, "page_expiry must be at most 7 days"),
        ({"customer_details": {"email": "nobody"}}, "customer_details.email is not a valid"),
        ({"custom_field1": "x" * 256}, "custom_field1 is too long"),
    ],
)
def test_a_bad_order_is_refused_with_the_field(sandbox: Sandbox, changes: dict[str, Any], message: str) -> None:
    """400 and `error_messages`; nothing is made."""
    status, answer = sandbox.call("POST", CREATE, {**order(), **changes})
    assert status == 400
    assert answer["error_messages"][0].startswith(message)
    assert sandbox.control.ledger()["pages"] == []


@pytest.mark.parametrize("body", [b"", b"null", b"[]", b"7", b"{", b"\xff", b"[" * 100_000, b'{"a":' * 50_000])
def test_a_body_that_is_no_object_is_refused(sandbox: Sandbox, body: bytes) -> None:
    """400 from Snap and, except for no body at all, 413 (syntax) from the Core API."""
    assert sandbox.call("POST", CREATE, body)[0] == 400
    transaction = sandbox.paid()
    status, answer = sandbox.call("POST", f"/v2/{transaction}/refund", body or b"x")
    assert (status, answer["status_code"]) == (413, "413")


def test_every_allowed_order_id_and_discounts_are_taken(sandbox: Sandbox) -> None:
    """The longest id of every allowed character, and a negative price; unknown fields do not matter."""
    order_id = "paylink-" + "aZ09-_~." + "x" * 34
    items = [{"name": "Table", "price": 80_000, "quantity": 2}, {"name": "Discount", "price": -10_000, "quantity": 1}]
    sandbox.create(order_id, item_details=items, something_new=1)
    sandbox.control.pay(sandbox.control.ledger()["pages"][0]["id"])
    assert sandbox.status(order_id)["gross_amount"] == "150000.00"


def test_a_wrong_key_is_refused_everywhere(sandbox: Sandbox) -> None:
    """401, in the words of each API; the password does not matter."""
    stranger = connect(sandbox.url, sandbox.environment, sandbox.clock, "SB-Mid-server-wrong")
    snap, core = refused(stranger.create), refused(stranger.status)
    assert (snap.http_status_code, core.http_status_code) == (401, 401)
    assert snap.api_response_dict["error_messages"][0].startswith("Access denied due to unauthorized transaction")
    assert core.api_response_dict["status_code"] == "401"
    for header in ({}, {"Authorization": "Bearer " + SERVER_KEY}, {"Authorization": "Basic !"}):
        assert urllib3.request("GET", f"{sandbox.url}/midtrans/v2/O/status", headers=header).status == 401
    documented = {"Authorization": "Basic U0ItTWlkLXNlcnZlci1URVNUS0VZMDEyMzQ1Njc4OTo="}
    assert urllib3.request("GET", f"{sandbox.url}/midtrans/v2/O/status", headers=documented).status == 404


def test_two_keys_are_taken_while_one_is_rolled(sandbox: Sandbox, merchant: Merchant, tmp_path: Path) -> None:
    """Comma separated: both may call."""
    environment = environment_of(merchant, tmp_path / "rolled")
    environment["PAYLINK_MIDTRANS_SERVER_KEY"] = "SB-Mid-server-new, " + SERVER_KEY
    with serve(environment) as rolled:
        rolled.create()
        connect(rolled.url, environment, rolled.clock, "SB-Mid-server-new").create("ORDER-2")


@pytest.mark.parametrize("key", ["", " , ", "Mid-server-live", "SB-Mid-server-a,Mid-server-live", "a:b", "a b"])
def test_a_key_that_cannot_be_meant_is_refused_at_the_start(key: str) -> None:
    """Above all a production key; a sandbox key without the usual prefix is taken."""
    with pytest.raises(ConfigError, match="PAYLINK_MIDTRANS_SERVER_KEY"):
        Settings.from_environment({"PAYLINK_MIDTRANS_SERVER_KEY": key})
    assert Settings.from_environment({"PAYLINK_MIDTRANS_SERVER_KEY": "abc"}).server_keys == ("abc",)


def test_status_answers_by_either_id(sandbox: Sandbox) -> None:
    """The order_id and the transaction_id give the same answer, every scalar a string."""
    transaction = sandbox.paid(custom_field1="hello")
    by_order, by_transaction = sandbox.status("ORDER-1"), sandbox.status(transaction)
    assert by_order == by_transaction
    assert all(isinstance(value, str) for value in by_order.values())
    assert by_order["custom_field1"] == "hello"
    assert (by_order["status_code"], by_order["transaction_status"]) == ("200", "settlement")
    assert (by_order["currency"], by_order["fraud_status"], by_order["payment_type"]) == ("IDR", "accept", "qris")
    datetime.strptime(by_order["transaction_time"], "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)
    for name in ("ORDER-2", "order-1", str(uuid.uuid4())):
        assert refused(sandbox.status, name).http_status_code == 404


def test_pending_can_be_cancelled_and_what_is_settled_cannot(sandbox: Sandbox) -> None:
    """The call answers 200 and closes the page; later calls are refused with 412."""
    token = sandbox.create()
    assert refused(sandbox.core.transactions.cancel, "ORDER-1").http_status_code == 404
    sandbox.control.pay(token, "choose-bca_va")
    answer = sandbox.core.transactions.cancel("ORDER-1")
    assert (answer["status_code"], answer["transaction_status"]) == ("200", "cancel")
    assert answer["status_message"] == "Success, transaction is canceled"
    assert sandbox.control.ledger()["pages"][0]["state"] == "cancelled"
    sandbox.control.pay(token, "pay-chosen", status=409)
    sandbox.paid("ORDER-2")
    for call in ("cancel", "expire", "approve", "deny"):
        for name in ("ORDER-1", "ORDER-2"):
            refusal = refused(getattr(sandbox.core.transactions, call), name)
            assert refusal.api_response_dict["status_code"] == "412"
            assert refusal.api_response_dict["status_message"] == "Merchant cannot modify the status of the transaction"


def test_expire_succeeds_with_407_in_the_body(sandbox: Sandbox) -> None:
    """HTTP 200, status_code 407: of the call, and of every status after it."""
    token = sandbox.create()
    sandbox.control.pay(token, "choose-qris")
    assert sandbox.core.transactions.expire("ORDER-1")["status_code"] == "407"
    status, answer = sandbox.call("GET", "/v2/ORDER-1/status")
    assert (status, answer["status_code"], answer["transaction_status"]) == (200, "407", "expire")
    assert sandbox.control.ledger()["pages"][0]["state"] == "expired"


def test_a_page_is_closed_by_its_token(sandbox: Sandbox) -> None:
    """Only while nothing is under way on it; a closed page cannot be paid, and its order stays unknown to status."""
    token = sandbox.create()
    path = f"{CREATE}/{token}/cancel"
    status, answer = sandbox.call("POST", path)
    assert (status, set(answer)) == (200, {"canceled_at"})
    assert datetime.fromisoformat(answer["canceled_at"]).utcoffset() == timedelta(hours=7)
    assert sandbox.call("POST", path) == (400, {"error_messages": ["token already canceled"]})
    assert sandbox.call("POST", f"{CREATE}/none/cancel") == (404, {"error_messages": ["token not found"]})
    sandbox.control.pay(token, status=409)
    assert refused(sandbox.status, "ORDER-1").http_status_code == 404
    for number, action in enumerate(("choose-gopay", "pay", "challenge")):
        busy = sandbox.create(f"BUSY-{number}")
        sandbox.control.pay(busy, action)
        answer = sandbox.call("POST", f"{CREATE}/{busy}/cancel")
        assert answer == (400, {"error_messages": ["Transaction is on progress"]})
    refused_card = sandbox.create("ORDER-2")
    sandbox.control.pay(refused_card, "fail")
    assert sandbox.call("POST", f"{CREATE}/{refused_card}/cancel")[0] == 200


def test_a_challenge_is_approved_or_denied(sandbox: Sandbox) -> None:
    """Money under review is authorized; approval captures it, denial releases it and ends the page."""
    for name, call, status, fraud, state, charge in (
        ("A", "approve", "capture", "accept", "paid", "succeeded"),
        ("D", "deny", "deny", "deny", "failed", "voided"),
    ):
        sandbox.paid(name, "challenge")
        before = sandbox.status(name)
        assert (before["transaction_status"], before["fraud_status"]) == ("capture", "challenge")
        assert before["status_code"] == "201"
        assert sandbox.control.ledger()["charges"][0]["state"] == "authorized"
        assert getattr(sandbox.core.transactions, call)(name)["status_code"] == "200"
        after = sandbox.status(name)
        assert (after["transaction_status"], after["fraud_status"]) == (status, fraud)
        assert sandbox.control.ledger()["pages"][0]["state"] == state
        assert sandbox.control.ledger()["charges"][0]["state"] == charge


@pytest.mark.parametrize("kind", ["authorize", "authorize_capture"])
def test_money_under_review_can_be_cancelled(sandbox: Sandbox, kind: str) -> None:
    """It is neither captured nor decided upon afterwards; the fraud_status stays as it was."""
    transaction = sandbox.paid("ORDER-1", "challenge", credit_card={"type": kind})
    held = {"transaction_id": transaction, "gross_amount": 1}
    assert refused(sandbox.core.capture, held).http_status_code == 412
    sandbox.core.transactions.cancel("ORDER-1")
    status = sandbox.status()
    assert (status["transaction_status"], status["status_code"]) == ("cancel", "202")
    ledger = sandbox.control.ledger()
    assert (ledger["pages"][0]["state"], ledger["charges"][0]["state"]) == ("cancelled", "voided")
    assert refused(sandbox.core.transactions.approve, "ORDER-1").http_status_code == 412
    assert "cancelled" in sandbox.page(ledger["pages"][0]["id"])


def test_an_authorization_is_captured_or_given_back(sandbox: Sandbox) -> None:
    """credit_card.type authorize holds the money; capture takes it, or a part, and cancel releases it."""
    transaction = sandbox.paid("ORDER-1", "card", credit_card={"type": "authorize"})
    assert sandbox.status()["transaction_status"] == "authorize"
    too_much = {"transaction_id": transaction, "gross_amount": 150_001}
    assert refused(sandbox.core.capture, too_much).http_status_code == 400
    taken = sandbox.core.capture({"transaction_id": transaction, "gross_amount": 100_000})
    assert (taken["status_code"], taken["transaction_status"], taken["gross_amount"]) == ("200", "capture", "100000.00")
    assert sandbox.control.ledger()["charges"][0]["amount"] == 100_000
    assert refused(sandbox.core.capture, too_much).http_status_code == 412
    sandbox.paid("ORDER-2", "card", credit_card={"type": "authorize"})
    sandbox.core.transactions.cancel("ORDER-2")
    assert sandbox.control.ledger()["charges"][0]["state"] == "voided"
    assert refused(sandbox.core.capture, {"gross_amount": 1}).http_status_code == 400


def test_an_idempotency_key_replays_a_success_for_five_minutes(sandbox: Sandbox) -> None:
    """Over all Core calls and whatever the new one says; not a failure, nor under a key that is too long."""
    sandbox.paid("ORDER-1")
    call = "/v2/ORDER-1/refund"
    refusal = sandbox.call("POST", call, {"amount": 999_999_999}, Idempotency_Key="K")
    first = sandbox.call("POST", call, {"amount": 10_000}, Idempotency_Key="K")
    assert (refusal[0], first[0]) == (414, 200)
    assert sandbox.call("POST", call, {"amount": 20_000}, Idempotency_Key="K") == first
    assert sandbox.call("POST", "/v2/none/cancel", Idempotency_Key="K") == first
    for number in (1, 2):
        told = sandbox.call("POST", call, {"amount": 10_000}, Idempotency_Key="x" * 47)[1]
        assert sandbox.status()["refund_amount"] == f"{10_000 * (number + 1)}.00", told
    sandbox.clock.offset_s = 301
    assert sandbox.call("POST", call, {"amount": 10_000}, Idempotency_Key="K") != first


def test_some_methods_have_no_idempotency(sandbox: Sandbox) -> None:
    """For Permata and Indomaret the header means nothing: the second call finds the work done."""
    for method, second in (("permata_va", 412), ("indomaret", 412), ("bca_va", 200)):
        sandbox.paid(method, f"choose-{method}")
        codes = [sandbox.call("POST", f"/v2/{method}/cancel", Idempotency_Key=method)[0] for _ in range(2)]
        assert codes == [200, second]


def test_the_page_life_follows_the_request(sandbox: Sandbox) -> None:
    """A day; else expiry; else page_expiry, which no longer matters once payment is impossible."""
    start = datetime.fromtimestamp(time.time() - 3600, timezone(timedelta(hours=7))).strftime("%Y-%m-%d %H:%M:%S %z")
    lives = {
        "DAY": ({}, 86_400),
        "EXPIRY": ({"expiry": {"start_time": start, "unit": "minutes", "duration": 90}}, 1_800),
        "PAGE": ({"page_expiry": {"unit": "hour", "duration": 2}, "expiry": {"unit": "day", "duration": 2}}, 7_200),
        "BOTH": ({"page_expiry": {"unit": "day", "duration": 3}, "expiry": {"unit": "day", "duration": 2}}, 172_800),
    }
    for order_id, (changes, _) in lives.items():
        sandbox.create(order_id, **changes)
    for page in sandbox.control.ledger()["pages"]:
        made, ends = (datetime.fromisoformat(page[name]) for name in ("created_at", "expires_at"))
        assert (ends - made).total_seconds() == pytest.approx(lives[page["reference"]][1], abs=2)


@pytest.mark.parametrize("path", ["/v2/charge", "/v2/ORDER-1/status/b2b", "/snap/v1/nothing", "/v1/subscriptions"])
def test_calls_that_are_not_simulated_say_so(sandbox: Sandbox, path: str) -> None:
    """404 in the form of the API that was meant."""
    status, answer = sandbox.call("POST", path, {})
    assert status == 404
    assert ("error_messages" in answer) == path.startswith("/snap")


@pytest.mark.parametrize(
    ("kind", "fields", "status", "pages"),
    [
        ("api_error_before", {"status": 503}, 503, 0),
        ("api_error_after", {"status": 500}, 500, 1),
        ("api_rate_limit", {}, 429, 0),
    ],
)
def test_faults_answer_in_snaps_words(
    sandbox: Sandbox, kind: str, fields: dict[str, Any], status: int, pages: int
) -> None:
    """Before the work or after it, with `error_messages`; the next call is answered well."""
    sandbox.control.fault(kind, count=1, match="POST /snap/v1/transactions", **fields)
    assert refused(sandbox.create).http_status_code == status
    assert len(sandbox.control.ledger()["pages"]) == pages
    sandbox.create("ORDER-2")


@pytest.mark.parametrize(
    ("kind", "fields", "status", "state"),
    [
        ("api_error_before", {"status": 503}, 503, "open"),
        ("api_error_after", {"status": 500}, 500, "cancelled"),
        ("api_rate_limit", {}, 429, "open"),
    ],
)
def test_faults_answer_in_the_core_apis_words(
    sandbox: Sandbox, kind: str, fields: dict[str, Any], status: int, state: str
) -> None:
    """The status stands in the body too."""
    sandbox.paid("ORDER-1", "choose-bri_va")
    sandbox.control.fault(kind, count=1, match="/v2/ORDER-1/cancel", **fields)
    refusal = refused(sandbox.core.transactions.cancel, "ORDER-1")
    assert (refusal.http_status_code, refusal.api_response_dict["status_code"]) == (status, str(status))
    assert sandbox.control.ledger()["pages"][0]["state"] == state


def test_silence_hides_work_that_was_done(sandbox: Sandbox) -> None:
    """`api_timeout` makes the page and hangs up without an answer."""
    sandbox.control.fault("api_timeout", count=1, seconds=0)
    with pytest.raises(urllib3.exceptions.HTTPError):
        sandbox.call("POST", CREATE, order())
    assert len(sandbox.control.ledger()["pages"]) == 1
