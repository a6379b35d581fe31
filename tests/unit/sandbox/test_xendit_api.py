"""The invoice API as Xendit documents it: what it takes, answers and refuses."""

import base64
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import urllib3

from paylink_sandbox.errors import ConfigError
from paylink_sandbox.testing import sandbox_process
from paylink_sandbox.xendit.settings import Settings

from .conftest import Control, Merchant
from .xendit_support import CALLBACK_TOKEN, SECRET_KEY, Xendit, serve, settings

REFUSED = "API_VALIDATION_ERROR"


@pytest.fixture
def xendit(merchant: Merchant, tmp_path: Path) -> Iterator[Xendit]:
    with serve(merchant, tmp_path) as running:
        yield running


def test_an_invoice_has_the_documented_fields(xendit: Xendit) -> None:
    """The page that the ledger holds is the page that `invoice_url` names."""
    made = xendit.invoice(invoice_duration=3600, description="Two chairs", metadata={"order": "7"})
    assert made["status"] == "PENDING"
    assert (made["external_id"], made["amount"], made["currency"]) == ("PL-1", 150_000, "IDR")
    assert (made["description"], made["metadata"]) == ("Two chairs", {"order": "7"})
    assert len(made["id"]) == 24
    assert int(made["id"], 16)
    assert made["expiry_date"].endswith("Z")
    page = xendit.control.ledger()["pages"][0]
    assert (page["id"], page["url"], page["reference"], page["amount"]) == (
        made["id"],
        made["invoice_url"],
        "PL-1",
        150_000,
    )
    assert xendit.get(f"/v2/invoices/{made['id']}") == made


@pytest.mark.parametrize("path", ["/v2/invoices", "/v2/invoices/"])
def test_creation_works_with_and_without_a_slash(xendit: Xendit, path: str) -> None:
    assert xendit.call("POST", path, {"external_id": "PL-1", "amount": 150_000}).status == 200
    assert len(xendit.get(path)) == 1


def test_an_external_id_may_come_again(xendit: Xendit) -> None:
    """A retry makes a second invoice; a lookup answers a bare array of both, newest first."""
    first, second = xendit.invoice(), xendit.invoice()
    assert first["available_banks"] != second["available_banks"]
    xendit.invoice("PL-2")
    assert xendit.get("/v2/invoices?external_id=PL-1") == [second, first]


@pytest.mark.parametrize(("given", "kept"), [(4550.50, 4550), (1999.99, 1999), (150_000.0, 150_000)])
def test_decimals_of_a_rupiah_are_cut_off(xendit: Xendit, given: float, kept: int) -> None:
    invoice = xendit.paid(amount=given)
    assert (invoice["amount"], invoice["paid_amount"]) == (kept, kept)
    assert xendit.control.ledger()["charges"][0]["amount"] == kept


@pytest.mark.parametrize("currency", ["PHP", "THB", "MYR", "USD"])
@pytest.mark.parametrize("text", ["12.34", "1.10", "9007199.01", "4.35", "20"])
def test_cents_are_kept_exactly(xendit: Xendit, currency: str, text: str) -> None:
    """From the request's text to the answer's, the webhook's and the ledger's, without a float on the way."""
    raw = f'{{"external_id": "PL-1", "currency": "{currency}", "amount": {text}}}'.encode()
    answer = xendit.call("POST", "/v2/invoices", raw=raw)
    assert Decimal(answer.body["amount"]) == Decimal(text)
    xendit.act(answer.body, "pay")
    event = xendit.events(count=1)[0]
    assert f'"paid_amount":{Decimal(text).normalize():f},' in event.body.decode()
    assert xendit.control.ledger()["charges"][0]["amount"] == int(Decimal(text) * 100)


@pytest.mark.parametrize(
    ("fields", "code", "path"),
    [
        ({"external_id": None}, REFUSED, "external_id"),
        ({"external_id": ""}, REFUSED, "external_id"),
        ({"external_id": 7}, REFUSED, "external_id"),
        ({"external_id": "x" * 256}, REFUSED, "external_id"),
        ({"amount": None}, REFUSED, "amount"),
        ({"amount": "150000"}, REFUSED, "amount"),
        ({"amount": True}, REFUSED, "amount"),
        ({"amount": 0}, REFUSED, "amount"),
        ({"amount": -5}, REFUSED, "amount"),
        ({"amount": 999}, "MINIMAL_TRANSFER_AMOUNT_ERROR", "amount"),
        ({"amount": 10**12}, "MAXIMUM_TRANSFER_AMOUNT_ERROR", "amount"),
        ({"amount": 12.345, "currency": "USD"}, REFUSED, "amount"),
        ({"amount": 20_000.5, "currency": "VND"}, REFUSED, "amount"),
        ({"currency": "SGD"}, REFUSED, "currency"),
        ({"currency": []}, REFUSED, "currency"),
        ({"invoice_duration": 0}, REFUSED, "invoice_duration"),
        ({"invoice_duration": 1.5}, REFUSED, "invoice_duration"),
        ({"payer_email": "nobody"}, "EMAIL_FORMAT_ERROR", "payer_email"),
        ({"customer": {"email": "a b@example.com"}}, "EMAIL_FORMAT_ERROR", "customer.email"),
        ({"customer": {"mobile_number": "0812"}}, REFUSED, "customer.mobile_number"),
        ({"success_redirect_url": "javascript:alert(1)"}, REFUSED, "success_redirect_url"),
        ({"failure_redirect_url": "javascript://example.com/%0aalert(1)"}, REFUSED, "failure_redirect_url"),
        ({"payment_methods": ["BCA", "GOPAY"]}, "UNAVAILABLE_PAYMENT_METHOD_ERROR", "payment_methods"),
        ({"payment_methods": ["BCA"], "currency": "USD"}, "UNAVAILABLE_PAYMENT_METHOD_ERROR", "payment_methods"),
        ({"payment_methods": []}, "NO_COLLECTION_METHODS_ERROR", "payment_methods"),
        ({"payment_methods": "BCA"}, REFUSED, "payment_methods"),
        ({"items": [{"name": "Chair", "price": 1}]}, REFUSED, "items[0].quantity"),
        ({"fees": [{"type": "Shipping", "value": "1"}]}, REFUSED, "fees[0].value"),
        ({"metadata": {str(number): 1 for number in range(51)}}, REFUSED, "metadata"),
        ({"metadata": {"k" * 41: 1}}, REFUSED, "metadata"),
        ({"metadata": {"key": "v" * 501}}, REFUSED, "metadata.key"),
        ({"reminder_time": 0}, "INVALID_REMINDER_TIME", "reminder_time"),
        ({"expiry": 60}, REFUSED, "expiry"),
    ],
)
def test_a_wrong_field_is_named_and_nothing_is_made(
    xendit: Xendit, fields: dict[str, Any], code: str, path: str
) -> None:
    answer = xendit.call("POST", "/v2/invoices", {"external_id": "PL-1", "amount": 150_000, **fields})
    assert (answer.status, answer.body["error_code"]) == (400, code)
    assert answer.body["errors"][0]["path"] == path
    assert xendit.control.ledger()["pages"] == []


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{",
        b"\xff",
        b"external_id=PL-1&amount=150000",
        b'{"external_id": "PL-1", "amount": NaN}',
        b'{"external_id": "PL-1", "amount": 1e999999999}',
        b'{"external_id": "PL-1", "amount": 150000, "items": [{"name": "x", "quantity": 1, "price": 1e-999999}]}',
        b'{"external_id": "PL-1", "amount": ' + b"9" * 5000 + b"}",
        b'{"external_id": "\\ud800", "amount": 150000}',
        b"[" * 100_000,
    ],
    ids=range(10),
)
def test_what_is_no_json_is_refused_as_such(xendit: Xendit, raw: bytes) -> None:
    answer = xendit.call("POST", "/v2/invoices", raw=raw)
    assert (answer.status, answer.body["error_code"]) == (400, "INVALID_JSON_FORMAT")


@pytest.mark.parametrize("raw", [b"null", b"[]", b"7", b'"text"'])
def test_a_body_must_be_an_object(xendit: Xendit, raw: bytes) -> None:
    answer = xendit.call("POST", "/v2/invoices", raw=raw)
    assert (answer.status, answer.body["error_code"]) == (400, REFUSED)


def test_items_that_do_not_add_up_change_nothing(xendit: Xendit) -> None:
    """The amount wins, and the page still shows the lines."""
    made = xendit.invoice(
        items=[{"name": "Chair", "price": 1.005, "quantity": 3}], fees=[{"type": "Less", "value": -1}]
    )
    assert made["amount"] == 150_000
    assert urllib3.request("GET", f"{xendit.api}/pay/{made['id']}").status == 200


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": f"Bearer {SECRET_KEY}"},
        {"Authorization": "Basic !!!"},
        {"Authorization": "Basic " + base64.b64encode(SECRET_KEY[:-1].encode() + b":").decode()},
        {"Authorization": "Basic " + base64.b64encode(b":" + SECRET_KEY.encode()).decode()},
        {"Authorization": "Basic " + base64.b64encode(b":").decode()},
    ],
)
def test_only_the_secret_key_as_user_name_is_let_in(xendit: Xendit, headers: dict[str, str]) -> None:
    for path, name in (("/v2/invoices", "error_code"), ("/balance", "error")):
        answer = urllib3.request("GET", xendit.api + path, headers=headers)
        assert (answer.status, answer.json()[name]) == (401, "INVALID_API_KEY")
        assert SECRET_KEY not in answer.data.decode()


def test_the_documented_authorization_header_is_let_in(xendit: Xendit) -> None:
    """The test vector: user name key, empty password."""
    header = {"Authorization": "Basic eG5kX2RldmVsb3BtZW50X1RFU1RLRVkwMTIzNDU2Nzg5Og=="}
    assert urllib3.request("GET", f"{xendit.api}/balance", headers=header).status == 200


def test_every_key_is_let_in_while_one_is_rolled(merchant: Merchant, tmp_path: Path) -> None:
    keys = f"xnd_development_new, {SECRET_KEY}"
    with serve(merchant, tmp_path, PAYLINK_XENDIT_SECRET_KEY=keys) as xendit:
        for key, status in (("xnd_development_new", 200), (SECRET_KEY, 200), (keys, 401)):
            assert xendit.call("GET", "/balance", key=key).status == status


@pytest.mark.parametrize(
    ("key", "token", "reason"),
    [
        ("xnd_production_1", "token", "test key"),
        (f"{SECRET_KEY},xnd_production_1", "token", "test key"),
        ("", "token", "test key"),
        (SECRET_KEY, "", "missing"),
        (SECRET_KEY, " , ", "missing"),
        (SECRET_KEY, "with space", "without spaces"),
    ],
)
def test_it_does_not_start_with_live_or_missing_credentials(key: str, token: str, reason: str) -> None:
    environment = {"PAYLINK_XENDIT_SECRET_KEY": key, "PAYLINK_XENDIT_CALLBACK_TOKEN": token}
    with pytest.raises(ConfigError, match=reason) as caught:
        Settings.from_environment(environment)
    assert "xnd_production_1" not in str(caught.value)


def test_an_unknown_sub_account_is_forbidden(xendit: Xendit) -> None:
    answer = xendit.call("GET", "/v2/invoices", headers={"for-user-id": "5f00000000000000000000ff"})
    assert (answer.status, answer.body["error_code"]) == (403, "REQUEST_FORBIDDEN_ERROR")


@pytest.mark.parametrize(
    ("method", "path", "name", "code"),
    [
        ("GET", "/v2/invoices/65f0a1b2c3d4e5f60718293a", "error_code", "INVOICE_NOT_FOUND_ERROR"),
        ("POST", "/invoices/65f0a1b2c3d4e5f60718293a/expire!", "error_code", "INVOICE_NOT_FOUND_ERROR"),
        ("GET", "/refunds/rfd-0", "error_code", "DATA_NOT_FOUND"),
        ("POST", "/refunds/rfd-0/cancel", "error_code", "DATA_NOT_FOUND"),
        ("GET", "/transactions/txn_0", "error", "DATA_NOT_FOUND"),
        ("GET", "/v2/recurring", "error_code", "NOT_FOUND"),
    ],
)
def test_what_is_not_there_is_not_found(xendit: Xendit, method: str, path: str, name: str, code: str) -> None:
    answer = xendit.call(method, path)
    assert (answer.status, answer.body[name]) == (404, code)


def test_expiring_an_open_invoice_ends_it(xendit: Xendit) -> None:
    """The address has no version and a literal exclamation mark; once more changes nothing."""
    made = xendit.invoice()
    for _ in range(2):
        answer = xendit.call("POST", f"/invoices/{made['id']}/expire!")
        assert (answer.status, answer.body["status"]) == (200, "EXPIRED")
    xendit.act(made, "pay", status=409)
    assert xendit.control.ledger()["pages"][0]["state"] == "expired"
    assert len({delivery["event_id"] for delivery in xendit.control.deliveries()}) == 1


def test_a_paid_invoice_cannot_be_expired(xendit: Xendit) -> None:
    invoice = xendit.paid()
    assert xendit.call("POST", f"/invoices/{invoice['id']}/expire!").status == 400
    assert xendit.get(f"/v2/invoices/{invoice['id']}")["status"] == "PAID"


@pytest.mark.parametrize("look", ["by id", "in the list", "at the page", "not at all"])
def test_time_expires_an_invoice(xendit: Xendit, look: str) -> None:
    """Whoever looks first; without anybody looking, the sandbox's own clock."""
    made = xendit.invoice(invoice_duration=600)
    xendit.clock.offset_s = 599
    assert xendit.get(f"/v2/invoices/{made['id']}")["status"] == "PENDING"
    xendit.clock.offset_s = 601
    if look == "by id":
        assert xendit.get(f"/v2/invoices/{made['id']}")["status"] == "EXPIRED"
    elif look == "in the list":
        assert xendit.get("/v2/invoices?statuses=EXPIRED")[0]["id"] == made["id"]
    elif look == "at the page":
        assert b"has expired" in urllib3.request("GET", f"{xendit.api}/pay/{made['id']}").data
    assert [event.event["status"] for event in xendit.events(count=1)] == ["EXPIRED"]


def test_paid_becomes_settled_in_silence(xendit: Xendit) -> None:
    """By the action or by itself a day later; there is one event, for PAID."""
    by_action, by_time = xendit.paid("PL-1"), xendit.paid("PL-2")
    xendit.act_on_charge(by_action, "settle")
    assert xendit.get(f"/v2/invoices/{by_action['id']}")["status"] == "SETTLED"
    assert xendit.get(f"/v2/invoices/{by_time['id']}")["status"] == "PAID"
    xendit.clock.offset_s = 86_401
    assert xendit.get(f"/v2/invoices/{by_time['id']}")["status"] == "SETTLED"
    xendit.control.settled()
    assert {event.event["status"] for event in xendit.events(count=2)} == {"PAID"}
    xendit.act_on_charge(by_action, "settle", status=409)


def test_a_refused_attempt_cannot_be_seen(xendit: Xendit) -> None:
    """The invoice stays as it was, no webhook is sent, and the page can be paid."""
    made = xendit.invoice()
    xendit.act(made, "fail")
    assert xendit.get(f"/v2/invoices/{made['id']}") == made
    assert xendit.control.deliveries() == []
    xendit.act(made, "pay")
    assert xendit.get(f"/v2/invoices/{made['id']}")["status"] == "PAID"


def test_an_expired_invoice_can_be_paid_in_a_race(xendit: Xendit) -> None:
    """Only that action does it, and each of the two states is told."""
    made = xendit.invoice()
    xendit.act(made, "pay-late", status=409)
    xendit.act(made, "expire")
    xendit.act(made, "pay", status=409)
    xendit.act(made, "pay-late")
    assert xendit.get(f"/v2/invoices/{made['id']}")["status"] == "PAID"
    assert {event.event["status"] for event in xendit.events(count=2)} == {"EXPIRED", "PAID"}


def test_another_amount_than_the_invoice_says_may_be_paid(xendit: Xendit) -> None:
    """`amount` stays; `paid_amount` and the ledger tell what came."""
    invoice = xendit.paid(action="pay-other-amount")
    assert (invoice["amount"], invoice["paid_amount"], invoice["payment_method"]) == (150_000, 135_000, "BANK_TRANSFER")
    assert xendit.control.ledger()["charges"][0]["amount"] == 135_000
    assert xendit.events(count=1)[0].event["paid_amount"] == 135_000


@pytest.mark.parametrize(
    ("action", "method", "channel", "also"),
    [
        ("pay", "QR_CODE", "QRIS", "payment_details"),
        ("pay-bca", "BANK_TRANSFER", "BCA", "bank_code"),
        ("pay-ovo", "EWALLET", "OVO", "ewallet_type"),
        ("pay-credit_card", "CREDIT_CARD", "CREDIT_CARD", "credit_card_charge_id"),
        ("pay-alfamart", "RETAIL_OUTLET", "ALFAMART", "payment_destination"),
    ],
)
def test_a_paid_invoice_tells_how(xendit: Xendit, action: str, method: str, channel: str, also: str) -> None:
    invoice = xendit.paid(action=action)
    assert (invoice["payment_method"], invoice["payment_channel"]) == (method, channel)
    assert invoice["payment_id"] == xendit.control.ledger()["charges"][0]["id"]
    assert invoice[also]


def test_payment_methods_limit_what_is_offered(xendit: Xendit) -> None:
    """On the invoice, on the page, and for `pay`, which falls back on what there is."""
    made = xendit.invoice(payment_methods=["BCA", "ALFAMART"])
    assert [bank["bank_code"] for bank in made["available_banks"]] == ["BCA"]
    assert (made["available_ewallets"], made["available_qr_codes"]) == ([], [])
    assert made["should_exclude_credit_card"] is True
    xendit.act(made, "pay-ovo", status=409)
    xendit.act(made, "pay")
    assert xendit.get(f"/v2/invoices/{made['id']}")["payment_channel"] == "BCA"


def test_lists_page_by_the_last_invoice(xendit: Xendit) -> None:
    made = [xendit.invoice(f"PL-{number}")["id"] for number in range(5)][::-1]
    seen: list[str] = []
    while page := xendit.get(f"/v2/invoices?limit=2{f'&last_invoice={seen[-1]}' if seen else ''}"):
        seen += [invoice["id"] for invoice in page]
    assert seen == made


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("statuses=PAID", ["PL-1"]),
        ("statuses[]=PAID&statuses[]=EXPIRED", ["PL-2", "PL-1"]),
        ('statuses=["PENDING","EXPIRED"]', ["PL-3", "PL-2"]),
        ("payment_channels=QRIS", ["PL-1"]),
        ("paid_after=2020-01-01T00:00:00Z", ["PL-1"]),
        ("paid_before=2020-01-01T00:00:00Z", []),
        ("created_after=2020-01-01T00:00:00%2B07:00&created_before=2999-01-01T00:00:00", ["PL-3", "PL-2", "PL-1"]),
        ("expired_before=2020-01-01T00:00:00Z", []),
        ("external_id=PL-3", ["PL-3"]),
        ("external_id=", []),
    ],
)
def test_lists_are_filtered(xendit: Xendit, query: str, found: list[str]) -> None:
    xendit.paid("PL-1")
    xendit.act(xendit.invoice("PL-2"), "expire")
    xendit.invoice("PL-3")
    assert [invoice["external_id"] for invoice in xendit.get(f"/v2/invoices?{query}")] == found


@pytest.mark.parametrize(
    "path",
    [
        "/v2/invoices?limit=0",
        "/v2/invoices?limit=101",
        "/v2/invoices?limit=many",
        "/v2/invoices?last_invoice=x",
        "/v2/invoices?created_after=yesterday",
        "/v2/invoices?statuses=[7]",
        "/v2/invoices?statuses=[",
        "/refunds?after_id=x",
        "/v1/disputes?limit=9",
        "/v1/disputes?cursor=x",
        "/transactions?limit=51",
        "/transactions?amount=NaN",
        "/balance?currency=SGD",
        "/balance?account_type=x",
    ],
)
def test_a_wrong_query_is_refused(xendit: Xendit, path: str) -> None:
    assert xendit.call("GET", path).status == 400


def test_answers_tell_the_rate_limit(xendit: Xendit) -> None:
    headers = xendit.call("GET", "/v2/invoices").headers
    assert (headers["Rate-Limit-Limit"], headers["Rate-Limit-Remaining"]) == ("60", "59")
    assert 0 < float(headers["Rate-Limit-Reset"]) <= 60


@pytest.mark.parametrize(
    ("fault", "status", "code", "pages"),
    [
        ("api_rate_limit", 429, "RATE_LIMIT_EXCEEDED", 0),
        ("api_error_before", 503, "SERVER_ERROR", 0),
        ("api_error_after", 500, "SERVER_ERROR", 1),
    ],
)
def test_faults_answer_as_xendit_would(xendit: Xendit, fault: str, status: int, code: str, pages: int) -> None:
    """Each once, and only for the call that it names."""
    xendit.control.fault(fault, match="POST /v2/invoices", count=1)
    assert xendit.call("GET", "/v2/invoices").status == 200
    answer = xendit.call("POST", "/v2/invoices/", {"external_id": "PL-1", "amount": 150_000})
    assert (answer.status, answer.body["error_code"]) == (status, code)
    assert len(xendit.control.ledger()["pages"]) == pages
    assert (answer.headers["Rate-Limit-Remaining"] == "0") is (status == 429)


def test_silence_comes_after_the_work(xendit: Xendit) -> None:
    xendit.control.fault("api_timeout", seconds=0, count=1)
    with pytest.raises(urllib3.exceptions.ProtocolError):
        xendit.invoice()
    assert len(xendit.control.ledger()["pages"]) == 1


def test_the_payer_can_be_faster_than_the_answer(xendit: Xendit) -> None:
    """The webhook has come when the creation still answers PENDING."""
    xendit.control.fault("webhook_before_answer", count=1)
    assert xendit.invoice()["status"] == "PENDING"
    assert xendit.merchant.received[0].event["status"] == "PAID"


def test_a_killed_sandbox_forgets_nothing(merchant: Merchant, tmp_path: Path) -> None:
    """Invoices, money, a pending refund, its idempotency key and a webhook that waits survive kill -9."""
    environment = {**settings(merchant, tmp_path), "PAYLINK_SANDBOX_TIME_SCALE": "1"}

    def opened(url: str) -> Xendit:
        return Xendit(url, Control(url), None, merchant, environment)  # type: ignore[arg-type]  # no clock to move

    with sandbox_process(environment) as (url, process):
        xendit = opened(url)
        invoice = xendit.paid(amount=12.34, currency="USD")
        refund = xendit.refund(invoice, "key-1", amount=1.1).body
        xendit.control.fault("webhook_delay", seconds=3)
        xendit.act(xendit.invoice("PL-2"), "pay")
        xendit.events(count=1)
        process.kill()
        process.wait()
    with sandbox_process(environment) as (url, _):
        xendit = opened(url)
        assert xendit.get(f"/v2/invoices/{invoice['id']}") == invoice
        assert xendit.refund(invoice, "key-1", amount=1.1).body == refund
        xendit.act_on_charge(invoice, "refund-complete")
        assert xendit.control.ledger()["charges"][-1]["amount_refunded"] == 110
        xendit.merchant.wait_until(lambda: any(r.event.get("external_id") == "PL-2" for r in merchant.received), 10)
    assert all(received.headers["x-callback-token"] == CALLBACK_TOKEN for received in merchant.received)
