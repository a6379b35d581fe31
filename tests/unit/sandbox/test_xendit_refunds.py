"""Money that goes back: refunds, disputes, and the transactions that tell of it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from .conftest import Merchant
from .xendit_support import Xendit, serve


@pytest.fixture
def xendit(merchant: Merchant, tmp_path: Path) -> Iterator[Xendit]:
    with serve(merchant, tmp_path) as running:
        yield running


def refunded(xendit: Xendit) -> int:
    """What the ledger says was given back of the newest charge."""
    return int(xendit.control.ledger()["charges"][0]["amount_refunded"])


def refund_event(xendit: Xendit) -> Any:
    """Return the one event of a refund; it may arrive before that of the payment."""
    [event] = [sent.event for sent in xendit.events(count=2) if "event" in sent.event]
    return event


def test_a_refund_waits_and_then_succeeds(xendit: Xendit) -> None:
    """PENDING in the answer, SUCCEEDED in the webhook; money counts as given back from then on."""
    invoice = xendit.paid()
    made = xendit.refund(
        invoice, amount=50_000, currency="IDR", reason="REQUESTED_BY_CUSTOMER", reference_id="R-1"
    ).body
    assert (made["status"], made["amount"], made["reference_id"]) == ("PENDING", 50_000, "R-1")
    assert (made["invoice_id"], made["payment_id"]) == (invoice["id"], invoice["payment_id"])
    assert refunded(xendit) == 0
    xendit.act_on_charge(invoice, "refund-complete")
    event = refund_event(xendit)
    assert (event["event"], event["data"]["id"], event["data"]["status"]) == (
        "refund.succeeded",
        made["id"],
        "SUCCEEDED",
    )
    assert (event["data"]["payment_method_type"], event["business_id"]) == ("QR_CODE", invoice["user_id"])
    assert xendit.get(f"/refunds/{made['id']}")["status"] == "SUCCEEDED"
    assert refunded(xendit) == 50_000
    assert xendit.get(f"/v2/invoices/{invoice['id']}")["status"] == "PAID"


def test_a_failed_refund_can_be_asked_for_again(xendit: Xendit) -> None:
    """`refund.failed` says why, and nothing was given back."""
    invoice = xendit.paid()
    made = xendit.refund(invoice).body
    xendit.act_on_charge(invoice, "refund-failed")
    data = refund_event(xendit)["data"]
    assert (data["id"], data["status"], data["failure_code"]) == (made["id"], "FAILED", "INSUFFICIENT_BALANCE")
    assert refunded(xendit) == 0
    assert xendit.refund(invoice).body["amount"] == 150_000


def test_a_refund_succeeds_by_itself_after_two_days(xendit: Xendit) -> None:
    """Whatever request comes next finds it done, and its webhook goes out."""
    invoice = xendit.paid()
    made = xendit.refund(invoice, amount=50_000).body
    xendit.clock.offset_s = 2 * 86_400 - 10
    assert xendit.get(f"/refunds/{made['id']}")["status"] == "PENDING"
    xendit.clock.offset_s = 2 * 86_400 + 1
    assert refunded(xendit) == 50_000
    assert refund_event(xendit)["event"] == "refund.succeeded"


def test_a_cancelled_refund_gives_nothing_back(xendit: Xendit) -> None:
    invoice = xendit.paid()
    made = xendit.refund(invoice, amount=50_000).body
    assert xendit.call("POST", f"/refunds/{made['id']}/cancel").body["status"] == "CANCELLED"
    answer = xendit.call("POST", f"/refunds/{made['id']}/cancel")
    assert (answer.status, answer.body["error_code"]) == (400, "INELIGIBLE_TRANSACTION")
    event = refund_event(xendit)
    assert (event["event"], event["data"]["status"]) == ("refund.failed", "CANCELLED")
    assert refunded(xendit) == 0


def test_the_same_key_is_the_same_refund(xendit: Xendit) -> None:
    """The first answer comes again; another request under the key is refused; a refusal does not use it up."""
    invoice = xendit.paid()
    assert xendit.refund(invoice, "key-1", amount=150_001).status == 400
    first = xendit.refund(invoice, "key-1", amount=50_000)
    assert xendit.refund(invoice, "key-1", amount=50_000).body == first.body
    other = xendit.refund(invoice, "key-1", amount=50_001)
    assert (other.status, other.body["error_code"]) == (409, "IDEMPOTENCY_ERROR")
    assert xendit.refund(invoice, "key-2", amount=50_000).body["id"] != first.body["id"]
    assert len(xendit.control.ledger()["refunds"]) == 2


def test_no_more_than_was_paid_goes_back(xendit: Xendit) -> None:
    """Pending refunds count. Without an amount, what is left goes back; a full one in progress has its own code."""
    invoice = xendit.paid(amount=12.34, currency="USD")
    assert xendit.refund(invoice, amount=2.5).status == 200
    xendit.act_on_charge(invoice, "refund-complete")
    assert xendit.refund(invoice, amount=1.07).status == 200
    answer = xendit.refund(invoice, amount=8.78)
    assert (answer.status, answer.body["error_code"]) == (400, "MAXIMUM_REFUND_AMOUNT_REACHED")
    assert f"{xendit.refund(invoice).body['amount']}" == "8.77"
    assert xendit.refund(invoice).body["error_code"] == "MAXIMUM_REFUND_AMOUNT_REACHED"
    other = xendit.paid("PL-2")
    xendit.refund(other)
    assert xendit.refund(other, amount=1).body["error_code"] == "REFUND_IN_PROGRESS"


def test_what_was_received_can_be_refunded_not_what_was_asked(xendit: Xendit) -> None:
    """An overpaid or underpaid invoice gives back `paid_amount`."""
    invoice = xendit.paid(action="pay-other-amount", payment_methods=["OVO"])
    assert xendit.refund(invoice).body["amount"] == 135_000


@pytest.mark.parametrize("action", ["pay-bca", "pay-alfamart"])
def test_transfers_and_cash_cannot_be_refunded(xendit: Xendit, action: str) -> None:
    """By API or by the operator."""
    invoice = xendit.paid(action=action)
    answer = xendit.refund(invoice)
    assert (answer.status, answer.body["error_code"]) == (400, "REFUND_NOT_SUPPORTED")
    xendit.act_on_charge(invoice, "refund", status=409)


@pytest.mark.parametrize(
    ("fields", "status", "code"),
    [
        ({"invoice_id": "65f0a1b2c3d4e5f60718293a"}, 404, "DATA_NOT_FOUND"),
        ({"invoice_id": None}, 400, "API_VALIDATION_ERROR"),
        ({"amount": 0}, 400, "API_VALIDATION_ERROR"),
        ({"amount": "1"}, 400, "API_VALIDATION_ERROR"),
        ({"currency": "USD"}, 400, "API_VALIDATION_ERROR"),
        ({"reason": "WHIM"}, 400, "API_VALIDATION_ERROR"),
        ({"metadata": 7}, 400, "API_VALIDATION_ERROR"),
    ],
)
def test_a_refund_that_cannot_be_is_refused(xendit: Xendit, fields: dict[str, Any], status: int, code: str) -> None:
    invoice = xendit.paid()
    answer = xendit.call("POST", "/refunds", {"invoice_id": invoice["id"], "amount": 1_000, **fields})
    assert (answer.status, answer.body["error_code"]) == (status, code)
    assert xendit.control.ledger()["refunds"] == []


@pytest.mark.parametrize("action", [None, "expire"])
def test_what_was_not_paid_is_not_refunded(xendit: Xendit, action: str | None) -> None:
    made = xendit.invoice()
    if action:
        xendit.act(made, action)
    assert xendit.refund(made).body["error_code"] == "INELIGIBLE_TRANSACTION"


def test_refunds_are_listed_by_invoice(xendit: Xendit) -> None:
    """Newest first, by pages in both directions; a payment request names the payment too."""
    invoice = xendit.paid()
    xendit.refund(xendit.paid("PL-2"))
    ids = [xendit.refund(invoice, amount=1_000).body["id"] for _ in range(3)][::-1]
    query = f"/refunds?invoice_id={invoice['id']}"
    assert [refund["id"] for refund in xendit.get(query)["data"]] == ids
    page = xendit.get(f"{query}&limit=2")
    assert ([refund["id"] for refund in page["data"]], page["has_more"]) == (ids[:2], True)
    page = xendit.get(f"{query}&limit=2&after_id={ids[1]}")
    assert ([refund["id"] for refund in page["data"]], page["has_more"]) == (ids[2:], False)
    page = xendit.get(f"{query}&limit=1&before_id={ids[2]}")
    assert ([refund["id"] for refund in page["data"]], page["has_more"]) == ([ids[1]], True)
    request_id = page["data"][0]["payment_request_id"]
    assert xendit.call("POST", "/refunds", {"payment_request_id": request_id, "amount": 1_000}).status == 200
    assert len(xendit.get(f"/refunds?payment_request_id={request_id}")["data"]) == 4


def test_the_operator_refunds_in_provider_units(xendit: Xendit) -> None:
    """As a merchant does in the dashboard: it waits like any other."""
    invoice = xendit.paid(amount=12.34, currency="USD")
    xendit.act_on_charge(invoice, "refund", {"amount": 1_235}, status=409)
    xendit.act_on_charge(invoice, "refund", {"amount": 0}, status=409)
    xendit.act_on_charge(invoice, "refund", {"amount": 234})
    assert f"{xendit.get('/refunds')['data'][0]['amount']}" == "2.34"
    xendit.act_on_charge(invoice, "refund-complete")
    xendit.act_on_charge(invoice, "refund-complete", status=409)
    assert refunded(xendit) == 234


@pytest.mark.parametrize(("action", "status"), [("dispute-won", "WON"), ("dispute-lost", "LOST")])
def test_a_dispute_is_told_and_can_be_read(xendit: Xendit, action: str, status: str) -> None:
    """When it opens and when it ends; while it is open or lost nothing can be refunded."""
    invoice = xendit.paid()
    xendit.refund(invoice, amount=50_000)
    xendit.act_on_charge(invoice, "refund-complete")
    xendit.act_on_charge(invoice, "dispute")
    opened = xendit.get(f"/v1/disputes?payment_id={invoice['payment_id']}")["data"][0]
    assert (opened["status"], opened["amount"]["initial"]) == ("ACTION_REQUIRED", "100000")
    assert xendit.refund(invoice, amount=1_000).body["error_code"] == "INELIGIBLE_TRANSACTION"
    xendit.act_on_charge(invoice, action)
    assert xendit.get(f"/v1/disputes?status={status}")["data"][0]["id"] == opened["id"]
    events = {event.event["event"]: event.event for event in xendit.events(count=4) if "event" in event.event}
    assert set(events) == {"refund.succeeded", "dispute.action_required", f"dispute.{status.lower()}"}
    assert events[f"dispute.{status.lower()}"]["payment_id"] == invoice["payment_id"]
    assert xendit.control.ledger()["charges"][0]["dispute"] == status.lower()
    assert (xendit.refund(invoice, amount=1_000).status == 200) is (status == "WON")
    xendit.act_on_charge(invoice, "dispute", status=409)
    xendit.act_on_charge(invoice, action, status=409)


def test_disputes_page_by_a_cursor(xendit: Xendit) -> None:
    for number in range(11):
        xendit.act_on_charge(xendit.paid(f"PL-{number}"), "dispute")
    page = xendit.get("/v1/disputes")
    assert (len(page["data"]), page["pagination"]["has_more"]) == (10, True)
    page = xendit.get(f"/v1/disputes?cursor={page['pagination']['next_cursor']}")
    assert [dispute["reference_id"] for dispute in page["data"]] == ["PL-0"]
    assert page["pagination"] == {"next_cursor": None, "has_more": False}


def test_transactions_tell_every_movement(xendit: Xendit) -> None:
    """Payment, refund and chargeback; a pending refund is none. Money is in the balance once it is settled."""
    invoice = xendit.paid(action="pay-ovo")
    xendit.refund(invoice, amount=50_000)
    assert len(xendit.get("/transactions")["data"]) == 1
    xendit.act_on_charge(invoice, "refund-complete")
    xendit.act_on_charge(invoice, "dispute")
    xendit.act_on_charge(invoice, "dispute-lost")
    rows = xendit.get("/transactions?reference_id=PL-1")["data"]
    assert [(row["type"], row["amount"], row["cashflow"]) for row in rows] == [
        ("CHARGEBACK", 100_000, "MONEY_OUT"),
        ("REFUND", 50_000, "MONEY_OUT"),
        ("PAYMENT", 150_000, "MONEY_IN"),
    ]
    payment = rows[2]
    assert payment["product_id"] == f"ewc_{invoice['payment_id']}"
    assert payment["product_data"] == {"payment_link_id": invoice["id"]}
    assert payment["net_amount"] == 150_000 - 2_250 - 247
    assert payment["settlement_status"] == "PENDING"
    assert xendit.get("/balance") == {"balance": -150_000}
    xendit.act_on_charge(invoice, "settle")
    assert xendit.get(f"/transactions/{payment['id']}")["settlement_status"] == "SETTLED"
    assert xendit.get("/balance") == {"balance": -2_497}
    assert xendit.get("/balance?currency=USD") == {"balance": 0}


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("types=PAYMENT&types=REFUND", 3),
        ("types=REFUND", 1),
        ("statuses=PENDING", 0),
        ("channel_categories=EWALLET", 2),
        ("amount=50000.0", 1),
        ("currency=IDR", 3),
        ("created[gte]=2020-01-01T00:00:00Z", 3),
        ("created[lte]=2020-01-01T00:00:00Z", 0),
        ("product_id=x", 0),
    ],
)
def test_transactions_are_filtered(xendit: Xendit, query: str, count: int) -> None:
    invoice = xendit.paid(action="pay-dana")
    xendit.refund(invoice, amount=50_000)
    xendit.act_on_charge(invoice, "refund-complete")
    xendit.paid("PL-2", action="pay-bca")
    assert len(xendit.get(f"/transactions?{query}")["data"]) == count


@pytest.mark.parametrize(
    ("start", "rows"), [("", ["PL-4", "PL-3", "PL-2", "PL-1", "PL-0"]), ("before", ["PL-2", "PL-1", "PL-4", "PL-3"])]
)
def test_transactions_page_by_their_link(xendit: Xendit, start: str, rows: list[str]) -> None:
    """`next` keeps the filters and the direction; following it meets each row once."""
    for number in range(5):
        xendit.paid(f"PL-{number}")
    oldest = xendit.get("/transactions")["data"][-1]["id"]
    path, seen = "/transactions?types=PAYMENT&limit=2" + (f"&before_id={oldest}" if start else ""), []
    while True:
        page = xendit.get(path)
        seen += [row["reference_id"] for row in page["data"]]
        if not page["has_more"]:
            break
        path = page["links"][0]["href"]
        assert "types=PAYMENT" in path
    assert (page["links"], seen) == ([], rows)
