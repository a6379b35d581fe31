"""The Xendit adapter where its recorded cases do not reach: surplus pages, lists, refusals, hostile values."""

import json
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import pytest

from paylink.core.money import Money
from paylink.core.refunds import RefundState
from paylink.core.secret import Secret
from paylink.core.states import Dispute, State
from paylink.providers.payments import PaymentQuery, PaymentRequest, Reference, RefundRequest
from paylink.providers.port import Account, Credential, Effect, ErrorKind, Provider, ProviderError
from paylink.providers.xendit import build
from paylink.providers.xendit.mapping import invoice_fields
from support.provider_case import answering
from support.recorded import Exchanges
from support.serving import serving

NOW = datetime(2026, 1, 1, tzinfo=UTC)
ACCOUNT_ID = uuid.UUID(int=1)
KEY = Credential(uuid.UUID(int=2), "secret_key", Secret("xnd_development_TESTKEY0123456789"))
ACCOUNT = Account(ACCOUNT_ID, ACCOUNT_ID, "xendit", "default", (KEY,))
REQUEST = PaymentRequest(
    uuid.UUID("01948a00-0000-7000-8000-000000000001"),
    uuid.UUID("01948a00-0000-7000-8000-000000000002"),
    Money(150_000, "IDR"),
    "PL-20260101-0001",
    NOW,
    NOW + timedelta(days=1),
    success_url="https://shop.example/thanks",
)
EXTERNAL_ID = f"paylink-{REQUEST.attempt_id}"
LIST = f"/v2/invoices?external_id={EXTERNAL_ID}&limit=10"
FORBIDDEN = {"error_code": "REQUEST_FORBIDDEN_ERROR", "message": "forbidden"}
GONE = {"error_code": "DATA_NOT_FOUND", "message": "not found"}


def invoice(identifier: str = "i1", status: str = "PENDING", **changes: Any) -> dict[str, Any]:
    told = {
        "id": identifier,
        "external_id": EXTERNAL_ID,
        "status": status,
        "amount": 150_000,
        "currency": "IDR",
        "expiry_date": "2026-01-02T00:00:00.000Z",
        "invoice_url": f"https://checkout-staging.xendit.co/web/{identifier}",
        "created": "2026-01-01T00:00:00.000Z",
    }
    return told | ({"payment_id": "p1", "paid_amount": 150_000} if status in ("PAID", "SETTLED") else {}) | changes


def got(path: str, body: Any, status: int = 200) -> dict[str, Any]:
    return {"method": "GET", "path": path, "status": status, "body": body}


def posted(path: str, body: Any, status: int = 200) -> dict[str, Any]:
    return {"method": "POST", "path": path, "status": status, "body": body}


def no_refunds(identifier: str = "i1") -> dict[str, Any]:
    return got(f"/refunds?invoice_id={identifier}", {"data": [], "has_more": False})


def disputes(*rows: Any, status: int = 200, body: Any = None) -> dict[str, Any]:
    listed = {"data": rows, "pagination": {"next_cursor": None, "has_more": False}}
    return got("/v1/disputes?payment_id=p1&limit=100", body or listed, status)


def query(*identifiers: str) -> PaymentQuery:
    references = tuple(Reference("invoice", identifier) for identifier in identifiers)
    return PaymentQuery(references, REQUEST.amount, REQUEST.expires_at, NOW)


@contextmanager
def talking(*exchanges: dict[str, Any]) -> Iterator[Provider]:
    """The adapter in front of an API that has exactly these exchanges, in this order."""
    script = Exchanges(list(exchanges))
    with serving(script.handler()) as address:
        yield build({"PAYLINK_XENDIT_API_BASE": address})
    assert not script.wrong, "\n".join(script.wrong)
    assert not script.expected, f"never asked: {script.expected}"


# Creating and finding


def test_no_message_is_asked_for():
    """A page that was made twice must not reach the payer by another way than through us."""
    fields = invoice_fields(replace(REQUEST, customer_email="buyer@example.com"))
    assert fields["should_send_email"] is False
    assert "customer_notification_preference" not in fields


def test_a_page_over_another_amount_is_closed_and_not_ours():
    with talking(
        got(LIST, [invoice(amount=150_001)]), posted("/invoices/i1/expire!", invoice(status="EXPIRED"))
    ) as provider:
        assert provider.find_payment(ACCOUNT, REQUEST) is None


def test_the_oldest_page_stays_however_many_there_are():
    """Found over several pages of the list; each of the others is closed."""
    rows = [invoice(f"i{n}", created=f"2026-01-01T00:00:{30 - n:02d}.000Z") for n in range(12)]
    with talking(
        got(LIST, rows[:10]),
        got(LIST + "&last_invoice=i9", rows[10:]),
        *(posted(f"/invoices/i{n}/expire!", invoice(f"i{n}", "EXPIRED")) for n in range(10, -1, -1)),
    ) as provider:
        found = provider.find_payment(ACCOUNT, REQUEST)
    assert found is not None
    assert found.references[1] == Reference("invoice", "i11")


def test_a_surplus_page_that_cannot_be_closed_is_no_clear_answer():
    with (
        talking(
            got(LIST, [invoice("i1"), invoice("i2")]),
            posted("/invoices/i2/expire!", {"error_code": "SERVER_ERROR", "message": ""}, 500),
        ) as provider,
        pytest.raises(ProviderError) as caught,
    ):
        provider.find_payment(ACCOUNT, REQUEST)
    assert caught.value.kind is ErrorKind.UNAVAILABLE


def test_a_list_without_an_end_is_given_up():
    rows = [invoice(f"i{n}") for n in range(10)]
    with answering(json.dumps(rows).encode()) as address, pytest.raises(ProviderError) as caught:
        build({"PAYLINK_XENDIT_API_BASE": address}).find_payment(ACCOUNT, REQUEST)
    assert (caught.value.kind, caught.value.code) == (ErrorKind.UNAVAILABLE, "too_many_pages")


@pytest.mark.parametrize("status", ["PENDING", "PAID", "SETTLED", "EXPIRED"])
def test_an_invoice_of_another_attempt_in_the_list_is_left_alone(status: str):
    with talking(got(LIST, [invoice(status=status, external_id=EXTERNAL_ID + "-2")])) as provider:
        assert provider.find_payment(ACCOUNT, REQUEST) is None


# Asking


def test_the_first_invoice_that_xendit_knows_decides():
    other_attempt = invoice("i2") | {"external_id": f"paylink-{uuid.uuid4()}"}
    with talking(
        got("/v2/invoices/i0", {"error_code": "INVOICE_NOT_FOUND_ERROR", "message": ""}, 404),
        got("/v2/invoices/i1", invoice()),
        got("/v2/invoices/i2", other_attempt),
    ) as provider:
        assert provider.fetch_payment(ACCOUNT, query("i0", "i1", "i2")).references[1].value == "i1"


def test_two_paid_invoices_of_one_attempt_are_one_payment_and_one_surplus():
    """The older one is the payment, whichever an event names: refunds of the other are not this payment's."""
    surplus = invoice("i2", "PAID") | {"created": "2026-01-01T00:00:09.000Z"}
    with talking(
        got("/v2/invoices/i2", surplus), got("/v2/invoices/i1", invoice("i1", "PAID")), no_refunds("i1"), disputes()
    ) as provider:
        payment = provider.fetch_payment(ACCOUNT, query("i2", "i1"))
    assert Reference("invoice", "i1") in payment.references
    assert payment.also_paid == (Reference("invoice", "i2"),)


def test_the_invoice_of_another_order_is_no_answer_to_a_creation():
    """Else two orders would have one page."""
    theirs = invoice("i9") | {"external_id": f"paylink-{uuid.uuid4()}"}
    with (
        talking({"method": "POST", "path": "/v2/invoices", "status": 200, "body": theirs}) as provider,
        pytest.raises(ProviderError) as caught,
    ):
        provider.create_payment(ACCOUNT, REQUEST)
    assert (caught.value.kind, caught.value.effect) == (ErrorKind.UNAVAILABLE, Effect.UNKNOWN)


def test_a_refund_that_is_listed_twice_counts_once():
    row = {"id": "rfd-1", "invoice_id": "i1", "amount": 50_000, "currency": "IDR", "status": "SUCCEEDED"}
    told = got("/refunds?invoice_id=i1", {"data": [row, dict(row)], "has_more": False})
    with talking(got("/v2/invoices/i1", invoice(status="PAID")), told, disputes()) as provider:
        assert provider.fetch_payment(ACCOUNT, query("i1")).evidence.refunded == 50_000


def test_a_4xx_without_a_code_is_somebody_elses_and_proves_nothing():
    with (
        talking(got("/v2/invoices/i1", "<html>Not Found</html>", 404)) as provider,
        pytest.raises(ProviderError) as caught,
    ):
        provider.fetch_payment(ACCOUNT, query("i1"))
    assert caught.value.kind is ErrorKind.UNAVAILABLE


def test_a_query_without_an_invoice_is_not_found_and_not_sent():
    with talking() as provider, pytest.raises(ProviderError) as caught:
        provider.fetch_payment(ACCOUNT, replace(query(), references=(Reference("payment", "p1"),)))
    assert (caught.value.kind, caught.value.sent) == (ErrorKind.NOT_FOUND, False)


@pytest.mark.parametrize("status", ["PENDING", "PAID", "SETTLED"])
def test_an_invoice_closed_as_surplus_does_not_end_the_order(status: str):
    """Its event names our attempt, whose other page is open or paid by then."""
    surplus, kept = invoice("i1", "EXPIRED"), invoice("i2", status)
    asked_of_paid = () if status == "PENDING" else (no_refunds("i2"), disputes())
    with talking(got("/v2/invoices/i1", surplus), got(LIST, [surplus, kept]), *asked_of_paid) as provider:
        payment = provider.fetch_payment(ACCOUNT, query("i1"))
    assert payment.provider_status == status
    assert Reference("invoice", "i2") in payment.references


def test_an_expired_invoice_stands_when_the_others_ended_too():
    asked, newer = invoice("i1", "EXPIRED"), invoice("i2", "EXPIRED", created="2026-01-01T00:00:01.000Z")
    wrong_amount = invoice("i3", "PENDING", amount=1)
    with talking(got("/v2/invoices/i1", asked), got(LIST, [asked, newer, wrong_amount])) as provider:
        payment = provider.fetch_payment(ACCOUNT, query("i1"))
    assert (payment.evidence.state, payment.references[1].value) == (State.EXPIRED, "i1")


def test_an_id_that_would_change_the_address_is_never_sent():
    with talking() as provider, pytest.raises(ProviderError):
        provider.fetch_payment(ACCOUNT, query("../balance"))


def test_a_payment_id_cannot_add_to_the_question():
    strange = "p1&limit=1#x"
    asked = f"/v1/disputes?payment_id={quote(strange, safe='')}&limit=100"
    empty = {"data": [], "pagination": {"next_cursor": None, "has_more": False}}
    with talking(
        got("/v2/invoices/i1", invoice(status="PAID", payment_id=strange)), no_refunds(), got(asked, empty)
    ) as provider:
        assert provider.fetch_payment(ACCOUNT, query("i1")).evidence.no_dispute


def test_refunds_that_are_not_to_be_found_do_not_say_that_the_payment_is_not_there():
    """As NOT_FOUND a paid order would be taken for one that nobody paid."""
    with (
        talking(got("/v2/invoices/i1", invoice(status="PAID")), got("/refunds?invoice_id=i1", GONE, 404)) as provider,
        pytest.raises(ProviderError) as caught,
    ):
        provider.fetch_payment(ACCOUNT, query("i1"))
    assert (caught.value.kind, caught.value.code) == (ErrorKind.UNAVAILABLE, "DATA_NOT_FOUND")


@pytest.mark.parametrize(
    ("status", "body"),
    [(401, FORBIDDEN), (403, FORBIDDEN), (404, GONE), (404, None), (503, FORBIDDEN), (200, {"data": 7}), (200, [])],
)
def test_disputes_that_are_not_told_hold_up_no_money_and_are_not_taken_for_none(status: int, body: Any):
    told = disputes(status=status, body=body or "<html>")
    with talking(got("/v2/invoices/i1", invoice(status="PAID")), no_refunds(), told) as provider:
        evidence = provider.fetch_payment(ACCOUNT, query("i1")).evidence
    assert (evidence.state, evidence.dispute, evidence.no_dispute) == (State.PAID, None, False)


def test_disputes_asked_for_too_often_are_asked_for_again():
    told = disputes(status=429, body=FORBIDDEN)
    with (
        talking(got("/v2/invoices/i1", invoice(status="PAID")), no_refunds(), told) as provider,
        pytest.raises(ProviderError) as caught,
    ):
        provider.fetch_payment(ACCOUNT, query("i1"))
    assert caught.value.kind is ErrorKind.RATE_LIMITED


def test_a_dispute_in_a_status_that_is_new_to_us_is_open():
    told = disputes({"payment_id": "p1", "status": "ESCALATED"})
    with talking(got("/v2/invoices/i1", invoice(status="PAID")), no_refunds(), told) as provider:
        assert provider.fetch_payment(ACCOUNT, query("i1")).evidence.dispute is Dispute.OPEN


def test_an_expiry_that_cannot_be_read_hides_no_money():
    with talking(got("/v2/invoices/i1", invoice() | {"expiry_date": "soon"})) as provider:
        assert provider.fetch_payment(ACCOUNT, query("i1")).expires_at is None


def test_without_a_payment_id_nothing_is_said_of_disputes():
    with talking(got("/v2/invoices/i1", invoice(status="PAID", payment_id=None)), no_refunds()) as provider:
        payment = provider.fetch_payment(ACCOUNT, query("i1"))
    assert (payment.evidence.dispute, payment.evidence.no_dispute) == (None, False)
    assert [reference.kind for reference in payment.references] == ["attempt", "invoice"]


@pytest.mark.parametrize(
    ("statuses", "dispute", "no_dispute"),
    [
        ([], None, True),
        (["WON"], None, True),
        (["WON", "ACTION_REQUIRED"], Dispute.OPEN, False),
        (["UNDER_REVIEW"], Dispute.OPEN, False),
        (["UNDER_REVIEW", "LOST"], Dispute.LOST, False),
    ],
)
def test_the_worst_dispute_counts(statuses: list[str], dispute: Dispute | None, no_dispute: bool):
    told = disputes(*({"id": f"d{n}", "status": s, "payment_id": "p1"} for n, s in enumerate(statuses)))
    with talking(got("/v2/invoices/i1", invoice(status="PAID")), no_refunds(), told) as provider:
        evidence = provider.fetch_payment(ACCOUNT, query("i1")).evidence
    assert (evidence.dispute, evidence.no_dispute) == (dispute, no_dispute)


def test_a_dispute_of_another_payment_neither_counts_nor_proves_that_there_is_none():
    told = disputes({"id": "d1", "status": "LOST", "payment_id": "p2"})
    with talking(got("/v2/invoices/i1", invoice(status="PAID")), no_refunds(), told) as provider:
        evidence = provider.fetch_payment(ACCOUNT, query("i1")).evidence
    assert (evidence.dispute, evidence.no_dispute) == (None, False)


REFUND = {"id": "r1", "invoice_id": "i1", "payment_id": "p1", "status": "SUCCEEDED", "amount": 1_000, "currency": "IDR"}


@pytest.mark.parametrize(
    ("changes", "refunded"),
    [
        ({}, 1_000),
        ({"amount": 1_000.0}, 1_000),
        ({"invoice_id": None}, 1_000),
        ({"payment_id": "other-name-of-p1"}, 1_000),
        ({"invoice_id": "i2"}, 0),
        ({"status": "PENDING"}, 0),
        ({"status": "FAILED"}, 0),
        ({"status": "CANCELLED"}, 0),
    ],
)
def test_only_refunds_of_this_payment_that_succeeded_count(changes: dict[str, Any], refunded: int):
    rows = got("/refunds?invoice_id=i1", {"data": [REFUND | changes], "has_more": False})
    with talking(got("/v2/invoices/i1", invoice(status="PAID")), rows, disputes()) as provider:
        assert provider.fetch_payment(ACCOUNT, query("i1")).evidence.refunded == refunded


@pytest.mark.parametrize(
    "changes",
    [
        {"status": "REVERSED"},
        {"currency": "USD"},
        {"amount": 1_000.5},
        {"amount": -1},
        {"invoice_id": None, "payment_id": None},
    ],
)
def test_a_refund_that_cannot_be_counted_is_not_left_out(changes: dict[str, Any]):
    rows = got("/refunds?invoice_id=i1", {"data": [REFUND | changes], "has_more": False})
    with (
        talking(got("/v2/invoices/i1", invoice(status="PAID")), rows, disputes()) as provider,
        pytest.raises(ProviderError) as caught,
    ):
        provider.fetch_payment(ACCOUNT, query("i1"))
    assert caught.value.code == "unreadable_answer"


@pytest.mark.parametrize(
    "changes",
    [
        {"status": "ON_HOLD"},
        {"currency": None},
        {"amount": 150_000.5},
        {"amount": "150000"},
        {"invoice_url": None},
        {"id": "a/b"},
    ],
)
def test_an_invoice_that_cannot_be_read_is_an_unavailable_provider(changes: dict[str, Any]):
    with (
        talking(got("/v2/invoices/i1", invoice() | changes)) as provider,
        pytest.raises(ProviderError) as caught,
    ):
        provider.fetch_payment(ACCOUNT, query("i1"))
    assert (caught.value.kind, caught.value.effect) == (ErrorKind.UNAVAILABLE, Effect.NOTHING)


# Closing


REFUSED = {"error_code": "API_VALIDATION_ERROR", "message": "already expired"}


def test_a_page_that_had_ended_before_is_closed():
    with talking(
        posted("/invoices/i1/expire!", REFUSED, 400), got("/v2/invoices/i1", invoice(status="EXPIRED"))
    ) as provider:
        assert provider.cancel_payment(ACCOUNT, query("i1")).evidence.state is State.EXPIRED


def test_a_page_that_stays_open_keeps_the_refusal():
    with (
        talking(posted("/invoices/i1/expire!", REFUSED, 400), got("/v2/invoices/i1", invoice())) as provider,
        pytest.raises(ProviderError) as caught,
    ):
        provider.cancel_payment(ACCOUNT, query("i1"))
    assert (caught.value.code, caught.value.effect) == ("API_VALIDATION_ERROR", Effect.NOTHING)


def test_money_that_was_faster_than_closing_is_told():
    paid = invoice(status="PAID")
    with (
        talking(posted("/invoices/i1/expire!", paid), no_refunds(), disputes()) as provider,
        pytest.raises(ProviderError) as caught,
    ):
        provider.cancel_payment(ACCOUNT, query("i1"))
    assert (caught.value.kind, caught.value.code) == (ErrorKind.BAD_STATE, "already_paid")


@pytest.mark.parametrize(
    "exchanges",
    [
        [posted("/invoices/i1/expire!", REFUSED, 400), got("/v2/invoices/i1", FORBIDDEN, 403)],
        [posted("/invoices/i1/expire!", invoice(status="PAID")), got("/refunds?invoice_id=i1", FORBIDDEN, 403)],
    ],
    ids=["refused", "answered"],
)
def test_a_failed_question_tells_nothing_of_the_closing_before_it(exchanges: list[dict[str, Any]]):
    with talking(*exchanges) as provider, pytest.raises(ProviderError) as caught:
        provider.cancel_payment(ACCOUNT, query("i1"))
    assert (caught.value.kind, caught.value.effect) == (ErrorKind.UNAVAILABLE, Effect.UNKNOWN)


# Refunds, keys and settings


def refund_request(*references: Reference) -> RefundRequest:
    return RefundRequest(uuid.UUID(int=9), references, Money(1_000, "IDR"))


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("PENDING", RefundState.PENDING),
        ("SUCCEEDED", RefundState.SUCCEEDED),
        ("FAILED", RefundState.FAILED),
        ("CANCELLED", RefundState.FAILED),
    ],
)
def test_each_status_of_a_refund(status: str, state: RefundState):
    with talking(posted("/refunds", REFUND | {"status": status})) as provider:
        assert provider.refund_payment(ACCOUNT, refund_request(Reference("invoice", "i1"))).state is state


def test_a_refund_without_an_invoice_is_not_sent():
    with talking() as provider, pytest.raises(ProviderError) as caught:
        provider.refund_payment(ACCOUNT, refund_request(Reference("payment", "p1")))
    assert (caught.value.effect, caught.value.sent) == (Effect.NOTHING, False)


def test_without_a_key_nothing_is_sent():
    with talking() as provider, pytest.raises(ProviderError) as caught:
        provider.create_payment(replace(ACCOUNT, credentials=()), REQUEST)
    assert (caught.value.kind, caught.value.sent) == (ErrorKind.AUTH, False)


@pytest.mark.parametrize(
    "base", ["http://api.xendit.co", "ftp://api.xendit.co", "https://evil.example"], ids=["plain", "ftp", "production"]
)
def test_an_address_that_is_not_safe_is_refused_at_the_start(base: str):
    environment = "production" if base.startswith("https") else "local"
    with pytest.raises(ValueError, match="PAYLINK_XENDIT_API_BASE"):
        build({"PAYLINK_XENDIT_API_BASE": base, "PAYLINK_ENVIRONMENT": environment})
