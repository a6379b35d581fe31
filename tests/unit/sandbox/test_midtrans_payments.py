"""What payers and banks do, as the merchant sees it in the status and in notifications."""

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from paylink_sandbox.midtrans.methods import METHODS
from paylink_sandbox.testing import sandbox_process

from .conftest import Clock, Merchant
from .midtrans_support import Sandbox, connect, environment_of, notices, serve

PAID_LATER = [code for code in METHODS if code != "credit_card"]


@pytest.fixture
def sandbox(merchant: Merchant, tmp_path: Path) -> Iterator[Sandbox]:
    with serve(environment_of(merchant, tmp_path)) as sandbox:
        yield sandbox


NUMBERS = {
    "bca_va": {"payment_type": "bank_transfer"},
    "bni_va": {"payment_type": "bank_transfer"},
    "bri_va": {"payment_type": "bank_transfer"},
    "permata_va": {"payment_type": "bank_transfer", "permata_va_number": str},
    "echannel": {"payment_type": "echannel", "biller_code": str, "bill_key": str},
    "indomaret": {"payment_type": "cstore", "store": "indomaret", "payment_code": str},
    "alfamart": {"payment_type": "cstore", "store": "alfamart", "payment_code": str},
    "gopay": {"payment_type": "gopay"},
    "shopeepay": {"payment_type": "shopeepay"},
    "qris": {"payment_type": "qris"},
}


@pytest.mark.parametrize("method", PAID_LATER)
def test_a_transaction_is_born_when_the_payer_chooses(sandbox: Sandbox, merchant: Merchant, method: str) -> None:
    """Status answers 201 pending from then on, with what the payer must know; paid, it says settlement."""
    token = sandbox.create()
    sandbox.control.pay(token, "pay-chosen", status=409)
    sandbox.control.pay(token, f"choose-{method}")
    pending = sandbox.status()
    assert uuid.UUID(pending["transaction_id"])
    assert (pending["status_code"], pending["transaction_status"]) == ("201", "pending")
    assert pending["gross_amount"] == "150000.00"
    for name, expected in NUMBERS[method].items():
        assert isinstance(pending[name], str) if expected is str else pending[name] == expected
    if method in ("bca_va", "bni_va", "bri_va"):
        assert pending["va_numbers"][0]["bank"] == method.removesuffix("_va")
        assert pending["va_numbers"][0]["va_number"].isdecimal()
    assert ("fraud_status" in pending) == (method not in ("indomaret", "alfamart"))
    assert "settlement_time" not in pending
    assert sandbox.control.ledger()["charges"] == []
    assert sandbox.control.pay(token, "pay-chosen")["state"] == "paid"
    settled = sandbox.status()
    assert (settled["status_code"], settled["transaction_status"]) == ("200", "settlement")
    assert settled["settlement_time"] >= settled["transaction_time"]
    told = {notice["transaction_status"]: notice for notice in notices(merchant, "pending", "settlement")}
    assert {notice["transaction_id"] for notice in told.values()} == {pending["transaction_id"]}
    assert [charge["id"] for charge in sandbox.control.ledger()["charges"]] == [pending["transaction_id"]]


def test_one_click_chooses_and_pays(sandbox: Sandbox, merchant: Merchant) -> None:
    """By QRIS: pending, then settlement; a second click changes nothing."""
    token = sandbox.create()
    assert sandbox.control.pay(token)["state"] == "paid"
    sandbox.control.pay(token, status=409)
    assert len(notices(merchant, "pending", "settlement")) == 2
    charge = sandbox.control.ledger()["charges"][0]
    assert (charge["amount"], charge["exponent"], charge["state"]) == (150_000, 0, "succeeded")


def test_one_click_pays_by_what_the_shop_takes(sandbox: Sandbox) -> None:
    """Where there is no QRIS, by the next method whose money can be given back, else by the first there is."""
    for method, also in (("gopay", "bca_va"), ("credit_card", "bca_va"), ("bca_va", "alfamart")):
        sandbox.paid(method, "pay", enabled_payments=[also, method])
        assert sandbox.status(method)["payment_type"] == METHODS[method].payment_type


def test_what_the_shop_does_not_take_cannot_be_chosen(sandbox: Sandbox) -> None:
    """enabled_payments limits the buttons as well as the page."""
    token = sandbox.create(enabled_payments=["bni_va"])
    for action in ("choose-bca_va", "fail", "card"):
        sandbox.control.pay(token, action, status=409)
    sandbox.control.pay(token, "choose-bni_va")


def test_another_choice_replaces_the_first(sandbox: Sandbox, merchant: Merchant) -> None:
    """The order has a new transaction, the old one is cancelled and cannot be paid; the same choice is no new one."""
    token = sandbox.create()
    sandbox.control.pay(token, "choose-bca_va")
    first = sandbox.status()
    sandbox.control.pay(token, "choose-bca_va")
    assert sandbox.status() == first
    sandbox.control.pay(token, "choose-alfamart")
    second = sandbox.status()
    assert second["transaction_id"] != first["transaction_id"]
    assert sandbox.status(first["transaction_id"])["transaction_status"] == "cancel"
    assert sandbox.control.ledger()["pages"][0]["state"] == "open"
    sandbox.control.pay(token, "pay-chosen")
    assert sandbox.status()["transaction_id"] == second["transaction_id"]
    assert len(sandbox.control.ledger()["charges"]) == 1
    notices(merchant, "pending", "cancel", "settlement")


def test_a_refused_card_leaves_the_page_open_for_another_try(sandbox: Sandbox, merchant: Merchant) -> None:
    """deny, code 202; the next try is a new transaction of the same order, and the order's status follows it."""
    token = sandbox.create()
    assert sandbox.control.pay(token, "fail")["state"] == "open"
    denied = sandbox.status()
    assert (denied["status_code"], denied["transaction_status"], denied["fraud_status"]) == ("202", "deny", "accept")
    assert denied["masked_card"] == "49111111-1113"
    assert sandbox.control.ledger()["charges"] == []
    sandbox.control.pay(token, "card")
    captured = sandbox.status()
    assert (captured["status_code"], captured["transaction_status"]) == ("200", "capture")
    assert captured["transaction_id"] != denied["transaction_id"]
    assert sandbox.status(denied["transaction_id"])["transaction_status"] == "deny"
    assert captured["approval_code"].isdecimal()
    told = {notice["transaction_status"]: notice for notice in notices(merchant, "deny", "capture")}
    assert told["deny"]["status_code"] == "202"


def test_a_captured_card_settles_or_is_cancelled(sandbox: Sandbox, merchant: Merchant) -> None:
    """The bank settles once; until then the merchant can still give all of it back."""
    first = sandbox.paid("ORDER-1", "card")
    sandbox.control.charge(first, "settle")
    assert sandbox.status()["transaction_status"] == "settlement"
    sandbox.control.charge(first, "settle", status=409)
    second = sandbox.paid("ORDER-2", "card")
    assert sandbox.control.charge(second, "void")["state"] == "voided"
    assert sandbox.status("ORDER-2")["transaction_status"] == "cancel"
    cancelled = next(n for n in notices(merchant, "cancel") if n["transaction_status"] == "cancel")
    assert cancelled["status_code"] == "202"
    challenged = sandbox.paid("ORDER-3", "challenge")
    sandbox.control.charge(challenged, "settle", status=409)
    assert sandbox.control.charge(challenged, "approve")["state"] == "succeeded"
    assert sandbox.control.charge(sandbox.paid("ORDER-4", "challenge"), "deny")["state"] == "voided"


@pytest.mark.parametrize("method", PAID_LATER)
def test_a_bank_reverses_a_settled_payment_of_three_methods(sandbox: Sandbox, merchant: Merchant, method: str) -> None:
    """settlement -> deny for Permata, Mandiri bill and Indomaret; never for the others."""
    transaction = sandbox.paid("ORDER-1", f"choose-{method}", "pay-chosen")
    possible = method in ("permata_va", "echannel", "indomaret")
    sandbox.control.charge(transaction, "reverse", status=200 if possible else 409)
    after = sandbox.status()
    assert after["transaction_status"] == ("deny" if possible else "settlement")
    assert sandbox.control.ledger()["charges"][0]["state"] == ("failed" if possible else "succeeded")
    assert sandbox.control.ledger()["pages"][0]["state"] == ("failed" if possible else "paid")
    if possible:
        assert "settlement_time" in next(n for n in notices(merchant, "deny") if n["transaction_status"] == "deny")


def test_a_page_that_expires_unused_tells_nobody(sandbox: Sandbox) -> None:
    """No webhook and no transaction, whether by the button or by the clock."""
    sandbox.control.pay(sandbox.create("ORDER-1"), "expire")
    late = sandbox.create("ORDER-2")
    sandbox.clock.offset_s = 86_401
    sandbox.control.pay(late, "choose-qris", status=409)
    assert "expired" in sandbox.page(late)
    assert {page["state"] for page in sandbox.control.ledger()["pages"]} == {"expired"}
    for name in ("ORDER-1", "ORDER-2"):
        assert sandbox.call("GET", f"/v2/{name}/status")[0] == 404
    assert sandbox.control.deliveries() == []


def test_a_chosen_method_expires_with_a_notice(sandbox: Sandbox, merchant: Merchant) -> None:
    """By the button or by the clock: expire, 407; it cannot be paid any more."""
    sandbox.paid("ORDER-1", "choose-qris", "expire")
    token = sandbox.create("ORDER-2")
    sandbox.control.pay(token, "choose-bca_va")
    sandbox.clock.offset_s = 86_402
    merchant.wait_until(lambda: sum(r.event["transaction_status"] == "expire" for r in merchant.received) == 2)
    told = [notice for notice in notices(merchant, "expire") if notice["transaction_status"] == "expire"]
    assert {notice["status_code"] for notice in told} == {"407"}
    sandbox.control.pay(token, "pay-chosen", status=409)
    assert {page["state"] for page in sandbox.control.ledger()["pages"]} == {"expired"}


def test_a_chosen_method_outlives_the_page(sandbox: Sandbox) -> None:
    """A virtual account is payable until its own time is over."""
    token = sandbox.create(page_expiry={"unit": "hour", "duration": 1}, expiry={"unit": "hour", "duration": 3})
    sandbox.control.pay(token, "choose-bca_va")
    sandbox.clock.offset_s = 2 * 3600
    assert sandbox.status()["transaction_status"] == "pending"
    assert sandbox.control.pay(token, "pay-chosen")["state"] == "paid"


def test_a_chargeback_is_told_once_or_in_two_parts(sandbox: Sandbox, merchant: Merchant) -> None:
    """Only of settled money; nothing can be refunded after it."""
    whole = sandbox.paid("ORDER-1")
    assert sandbox.control.charge(whole, "dispute")["dispute"] == "open"
    assert sandbox.status("ORDER-1")["transaction_status"] == "chargeback"
    for action in ("dispute", "dispute-partial", "refund"):
        sandbox.control.charge(whole, action, status=409)
    part = sandbox.paid("ORDER-2")
    sandbox.control.charge(part, "dispute-partial")
    assert sandbox.status("ORDER-2")["transaction_status"] == "partial_chargeback"
    sandbox.control.charge(part, "dispute")
    sandbox.control.charge(sandbox.paid("ORDER-3", "card"), "dispute", status=409)
    notices(merchant, "chargeback", "partial_chargeback")


def test_a_killed_sandbox_goes_on_where_it_was(merchant: Merchant, tmp_path: Path) -> None:
    """kill -9 forgets no page, transaction, refund or idempotency key, and webhooks that were pending are sent."""
    environment = environment_of(merchant, tmp_path)
    with sandbox_process(environment) as (url, process):
        before = connect(url, environment, Clock())
        waiting = before.create("WAITING")
        before.control.pay(waiting, "choose-permata_va")
        before.paid("PAID")
        refund = before.call("POST", "/v2/PAID/refund", {"refund_key": "R1", "amount": 1}, Idempotency_Key="K")
        known = [before.status(name) for name in ("WAITING", "PAID")]
        before.control.settled()
        merchant.answers = [503] * 5
        before.control.fault("webhook_delay", seconds=1)
        before.control.pay(waiting, "pay-chosen")
        process.kill()
        process.wait()
    merchant.answers = []
    with sandbox_process(environment) as (url, _):
        after = connect(url, environment, Clock())
        assert after.status("PAID") == known[1]
        assert after.status("WAITING")["permata_va_number"] == known[0]["permata_va_number"]
        assert after.status("WAITING")["transaction_status"] == "settlement"
        assert after.call("POST", "/v2/PAID/refund", Idempotency_Key="K") == refund
        assert after.call("POST", "/snap/v1/transactions", {"transaction_details": {"order_id": "PAID"}})[0] == 400
        merchant.wait_until(
            lambda: (
                ("WAITING", "settlement")
                in {(r.event["order_id"], r.event["transaction_status"]) for r in merchant.received}
            )
        )
