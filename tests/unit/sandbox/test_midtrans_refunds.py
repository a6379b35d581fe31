"""Refunds: how much, of what, how often, and how the merchant hears of them."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import midtransclient
import pytest

from .conftest import Merchant
from .midtrans_support import Sandbox, environment_of, notices, serve


@pytest.fixture
def sandbox(merchant: Merchant, tmp_path: Path) -> Iterator[Sandbox]:
    with serve(environment_of(merchant, tmp_path)) as sandbox:
        yield sandbox


def refusal(sandbox: Sandbox, name: str, given: dict[str, Any]) -> tuple[str, str]:
    """The code and the message with which a refund is refused."""
    with pytest.raises(midtransclient.MidtransAPIError) as caught:
        sandbox.core.transactions.refund(name, given)
    answer = caught.value.api_response_dict
    assert str(caught.value.http_status_code) == answer["status_code"]
    return answer["status_code"], answer["status_message"]


def test_refunds_are_partial_then_full(sandbox: Sandbox, merchant: Merchant) -> None:
    """They add up in the status; the last one makes it `refund`, after which there is nothing to change."""
    sandbox.paid()
    refund = sandbox.core.transactions.refund
    first = refund("ORDER-1", {"refund_key": "R1", "amount": 50_000, "reason": "too many"})
    assert (first["status_code"], first["transaction_status"]) == ("200", "partial_refund")
    assert (first["refund_amount"], first["refund_key"]) == ("50000.00", "R1")
    assert isinstance(first["refund_chargeback_id"], int)
    assert refusal(sandbox, "ORDER-1", {"amount": 100_001})[0] == "414"
    assert refund("ORDER-1", {"refund_key": "R2"})["refund_amount"] == "100000.00"
    status = sandbox.status()
    assert (status["transaction_status"], status["refund_amount"]) == ("refund", "150000.00")
    assert [(r["refund_key"], r["refund_amount"]) for r in status["refunds"]] == [
        ("R1", "50000.00"),
        ("R2", "100000.00"),
    ]
    assert status["refunds"][0]["reason"] == "too many"
    assert refusal(sandbox, "ORDER-1", {"amount": 1})[0] == "412"
    ledger = sandbox.control.ledger()
    assert ledger["charges"][0]["amount_refunded"] == 150_000
    assert [item["amount"] for item in ledger["refunds"]] == [100_000, 50_000]
    notices(merchant, "partial_refund", "refund")


def test_a_settlement_and_a_refund_carry_the_same_signature(sandbox: Sandbox, merchant: Merchant) -> None:
    """The signature covers neither the status nor the refunds: a receiver must ask."""
    sandbox.paid()
    sandbox.core.transactions.refund("ORDER-1", {"amount": 1})
    told = {n["transaction_status"]: n["signature_key"] for n in notices(merchant, "settlement", "partial_refund")}
    assert told["settlement"] == told["partial_refund"]


def test_a_refund_key_gives_back_once(sandbox: Sandbox) -> None:
    """The same key again within a week gives the first answer; for something else, or later, it is a duplicate."""
    sandbox.paid("ORDER-1")
    sandbox.paid("ORDER-2")
    refund = sandbox.core.transactions.refund
    given = {"refund_key": "R1", "amount": 50_000}
    first = refund("ORDER-1", given)
    assert refund("ORDER-1", given) == first
    assert refund(first["transaction_id"], given) == first
    assert refusal(sandbox, "ORDER-1", {**given, "amount": 60_000}) == ("406", "Duplicate refund ID")
    assert refusal(sandbox, "ORDER-2", given)[0] == "406"
    sandbox.clock.offset_s = 7 * 86_400 + 1
    assert refusal(sandbox, "ORDER-1", given)[0] == "406"
    assert [item["amount"] for item in sandbox.control.ledger()["refunds"]] == [50_000]


@pytest.mark.parametrize("method", ["bca_va", "bni_va", "bri_va", "permata_va", "echannel", "indomaret", "alfamart"])
def test_transfers_and_stores_give_nothing_back(sandbox: Sandbox, method: str) -> None:
    """412 for either call, and no button."""
    transaction = sandbox.paid("ORDER-1", f"choose-{method}", "pay-chosen")
    expected = ("412", "Merchant cannot modify the status of the transaction")
    assert refusal(sandbox, "ORDER-1", {"amount": 1}) == expected
    with pytest.raises(midtransclient.MidtransAPIError, match="412"):
        sandbox.core.transactions.refundDirect("ORDER-1", {"amount": 1})
    sandbox.control.charge(transaction, "refund", status=409)
    assert sandbox.control.ledger()["refunds"] == []


def test_shopeepay_gives_back_all_or_nothing(sandbox: Sandbox) -> None:
    """A part is refused with 414."""
    sandbox.paid("ORDER-1", "choose-shopeepay", "pay-chosen")
    message = "Refund request is rejected due to invalid amount"
    assert refusal(sandbox, "ORDER-1", {"amount": 149_999}) == ("414", message)
    assert sandbox.core.transactions.refund("ORDER-1", {"amount": 150_000})["transaction_status"] == "refund"


def test_a_card_is_refunded_only_after_settlement(sandbox: Sandbox) -> None:
    """Captured money is cancelled, not refunded; pending and unknown payments have nothing to give back."""
    transaction = sandbox.paid("ORDER-1", "card")
    assert refusal(sandbox, "ORDER-1", {"amount": 1})[0] == "412"
    sandbox.control.charge(transaction, "settle")
    assert sandbox.core.transactions.refund("ORDER-1", {"amount": 1})["status_code"] == "200"
    sandbox.paid("ORDER-2", "choose-qris")
    assert refusal(sandbox, "ORDER-2", {})[0] == "412"
    assert refusal(sandbox, "ORDER-3", {})[0] == "404"


def test_a_direct_refund_is_refused_with_202_and_the_status_as_it_was(sandbox: Sandbox) -> None:
    """No error: only the code, the status and the amount of zero tell it from a success."""
    sandbox.paid()
    direct = sandbox.core.transactions.refundDirect
    refused = direct("ORDER-1", {"refund_key": "R1", "amount": 150_001})
    assert (refused["status_code"], refused["transaction_status"]) == ("202", "settlement")
    assert refused["refund_amount"] == "0.00"
    assert sandbox.status()["transaction_status"] == "settlement"
    done = direct("ORDER-1", {"refund_key": "R1", "amount": 1})
    assert (done["status_code"], done["transaction_status"]) == ("200", "partial_refund")


@pytest.mark.parametrize(
    "given",
    [{"refund_key": "a b"}, {"refund_key": 7}, {"amount": 0}, {"amount": "1"}, {"amount": 1.0}, {"reason": "x" * 256}],
)
def test_a_bad_refund_is_refused(sandbox: Sandbox, given: dict[str, Any]) -> None:
    """400, and nothing is given back."""
    sandbox.paid()
    assert refusal(sandbox, "ORDER-1", given)[0] == "400"
    assert sandbox.control.ledger()["refunds"] == []


def test_the_bank_confirms_a_refund_with_a_second_notice(sandbox: Sandbox, merchant: Merchant) -> None:
    """First without bank_confirmed_at, then with it; each refund is confirmed once, the oldest first."""
    transaction = sandbox.paid()
    sandbox.control.charge(transaction, "refund-confirm", status=409)
    for amount in (10_000, 20_000):
        sandbox.control.charge(transaction, "refund", {"amount": amount})
    sandbox.control.charge(transaction, "refund-confirm")
    merchant.wait_until(lambda: len(merchant.received) == 5)
    told = [notice["refunds"] for notice in notices(merchant, "partial_refund") if "refunds" in notice]
    confirmed = [["bank_confirmed_at" in refund for refund in refunds] for refunds in told]
    assert sorted(confirmed) == [[False], [False, False], [True, False]]
    sandbox.control.charge(transaction, "refund-confirm")
    sandbox.control.charge(transaction, "refund-confirm", status=409)
    assert all("bank_confirmed_at" in refund for refund in sandbox.status()["refunds"])


def test_the_operator_cannot_refund_more_than_is_left(sandbox: Sandbox) -> None:
    """409 with Midtrans' reason."""
    transaction = sandbox.paid()
    refused = sandbox.control.charge(transaction, "refund", {"amount": 150_001}, status=409)
    assert "invalid amount" in refused["error"]["message"]
    sandbox.control.charge(transaction, "refund", {"amount": -1}, status=409)
    assert sandbox.control.charge(transaction, "refund")["amount_refunded"] == 150_000
