"""What the simulators tell of settlements, which agrees with their ledger until an operator makes it wrong."""

import csv
import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import stripe
import urllib3

from . import midtrans_support, xendit_support
from .conftest import Control, Merchant, Sandbox


@pytest.fixture
def midtrans(merchant: Merchant, tmp_path: Path) -> Iterator[midtrans_support.Sandbox]:
    with midtrans_support.serve(midtrans_support.environment_of(merchant, tmp_path)) as sandbox:
        yield sandbox


@pytest.fixture
def xendit(merchant: Merchant, tmp_path: Path) -> Iterator[xendit_support.Xendit]:
    with xendit_support.serve(merchant, tmp_path) as running:
        yield running


def movements(sandbox: Sandbox, **query: Any) -> list[stripe.BalanceTransaction]:
    return sandbox.client.v1.balance_transactions.list({"limit": 100, **query}).data


def paid_charge(sandbox: Sandbox, reference: str = "ORDER-1") -> str:
    session = sandbox.create(reference)
    sandbox.control.pay(session.id)
    found = sandbox.client.v1.checkout.sessions.retrieve(session.id, {"expand": ["payment_intent"]})
    assert isinstance(found.payment_intent, stripe.PaymentIntent)
    return str(found.payment_intent.latest_charge)


def test_the_source_of_each_movement_can_be_expanded(sandbox: Sandbox) -> None:
    """A charge, a refund, a dispute and a payout: whatever moved the balance."""
    charge = paid_charge(sandbox)
    sandbox.client.v1.refunds.create({"charge": charge, "amount": 5_000_000})
    sandbox.control.charge(charge, "dispute")
    sandbox.client.v1.checkout.sessions.list()
    paid_charge(sandbox, "ORDER-2")
    sandbox.clock.offset_s = 3 * 86_400
    sandbox.control.call("POST", "/_sandbox/stripe/payouts")
    sources = [movement.source for movement in movements(sandbox, expand=["data.source"])]
    kinds = [source.to_dict()["object"] for source in sources if source is not None and not isinstance(source, str)]
    assert kinds == ["payout", "charge", "dispute", "refund", "charge"]


def test_a_payout_holds_all_that_was_available(sandbox: Sandbox) -> None:
    """And itself. What comes later is in the next, and a movement does not tell which it is in."""
    first = paid_charge(sandbox)
    sandbox.control.call("POST", "/_sandbox/stripe/payouts", status=409)
    sandbox.clock.offset_s = 3 * 86_400
    second = paid_charge(sandbox, "ORDER-2")
    payout = sandbox.control.call("POST", "/_sandbox/stripe/payouts")["id"]
    [listed] = sandbox.client.v1.payouts.list().data
    assert (listed.id, listed.amount, listed.automatic) == (payout, 15_000_000 - 435_000, True)
    assert sandbox.client.v1.payouts.retrieve(payout).id == payout
    inside = movements(sandbox, payout=payout)
    assert [movement.source for movement in inside] == [payout, first]
    assert sum(movement.net for movement in inside) == 0
    assert "in_payout" not in inside[0].to_dict()
    assert [movement.source for movement in movements(sandbox, type="charge")] == [second, first]
    sandbox.control.call("POST", "/_sandbox/stripe/payouts", status=409)
    with pytest.raises(stripe.InvalidRequestError, match="No such payout"):
        movements(sandbox, payout="po_unknown")


def export(sandbox: midtrans_support.Sandbox) -> list[dict[str, str]]:
    answer = urllib3.request("GET", f"{sandbox.url}/midtrans/dashboard/settlements.csv")
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    return list(csv.DictReader(io.StringIO(answer.data.decode())))


def test_the_export_agrees_with_the_ledger(midtrans: midtrans_support.Sandbox) -> None:
    """Every payment that was settled, every refund, chargeback and reversal, and no other try."""
    midtrans.create("ORDER-0")
    midtrans.paid("ORDER-1")
    midtrans.core.transactions.refund("ORDER-1", {"refund_key": "key-1", "amount": 50_000})
    card = midtrans.paid("ORDER-2", "card")
    assert [row["Order ID"] for row in export(midtrans)] == ["ORDER-1", "ORDER-1"]
    midtrans.control.charge(card, "settle")
    midtrans.control.charge(card, "dispute-partial")
    midtrans.control.charge(card, "dispute")
    bank = midtrans.paid("ORDER-3", "choose-permata_va", "pay-chosen")
    midtrans.control.charge(bank, "reverse")
    rows = export(midtrans)
    assert [(row["Order ID"], row["Transaction Type"], row["Gross Amount"]) for row in rows] == [
        ("ORDER-1", "Payment", "150000.00"),
        ("ORDER-1", "Refund", "-50000.00"),
        ("ORDER-2", "Payment", "150000.00"),
        ("ORDER-2", "Partial Chargeback", "-75000.00"),
        ("ORDER-2", "Chargeback", "-75000.00"),
        ("ORDER-3", "Payment", "150000.00"),
        ("ORDER-3", "Payment Reversal", "-150000.00"),
    ]
    assert (rows[0]["Fee"], rows[0]["VAT"], rows[0]["Net Amount"]) == ("3000.00", "330.00", "146670.00")
    assert (rows[1]["Refund Key"], rows[1]["Refund ID"].isdecimal()) == ("key-1", True)
    ledger = midtrans.control.ledger()
    settled = {charge["reference"]: charge["amount"] for charge in ledger["charges"]}
    told = {row["Order ID"]: int(float(row["Gross Amount"])) for row in rows if row["Transaction Type"] == "Payment"}
    assert told == settled
    assert sum(refund["amount"] for refund in ledger["refunds"]) == 50_000


def test_a_payment_that_is_settled_twice_is_told_once(midtrans: midtrans_support.Sandbox) -> None:
    """Approving a card after a review does not settle it again."""
    card = midtrans.paid("ORDER-1", "challenge")
    midtrans.control.charge(card, "approve")
    assert export(midtrans) == []
    midtrans.control.charge(card, "settle")
    assert len(export(midtrans)) == 1


def test_a_payout_is_named_by_its_rows(midtrans: midtrans_support.Sandbox) -> None:
    midtrans.paid("ORDER-1")
    payout = midtrans.control.call("POST", "/_sandbox/midtrans/payouts")["id"]
    midtrans.paid("ORDER-2")
    rows = {row["Order ID"] or row["Transaction Type"]: row for row in export(midtrans)}
    named = {name: row["Payout ID"] for name, row in rows.items()}
    assert named == {"ORDER-1": payout, "Payout": payout, "ORDER-2": ""}
    assert rows["Payout"]["Net Amount"] == "-146670.00"


def test_the_export_is_linked_on_the_operators_page(midtrans: midtrans_support.Sandbox) -> None:
    page = urllib3.request("GET", midtrans.url).data.decode()
    assert '<a href="/midtrans/dashboard/settlements.csv">' in page


def test_a_list_of_transactions_is_whole_however_it_is_paged(xendit: xendit_support.Xendit) -> None:
    """Beyond the parts in which the simulator reads its own rows."""
    rows = [xendit.control.call("POST", "/_sandbox/xendit/settlements", ADD)["id"] for _ in range(205)]
    found: list[str] = []
    query = "limit=50"
    while True:
        page = xendit.get(f"/transactions?{query}")
        found += [row["id"] for row in page["data"]]
        if not page["has_more"]:
            break
        query = f"limit=50&after_id={found[-1]}"
    assert found == rows[::-1]


def test_what_a_dropped_payment_leaves_can_still_be_refunded(xendit: xendit_support.Xendit) -> None:
    invoice = xendit.paid(action="pay-ovo")
    [row] = xendit.control.call("GET", "/_sandbox/xendit/settlements")["settlements"]
    xendit.control.call("POST", f"/_sandbox/xendit/settlements/{row['id']}/drop")
    xendit.refund(invoice, amount=50_000)
    xendit.act_on_charge(invoice, "refund-complete")
    assert [row["type"] for row in xendit.get("/transactions")["data"]] == ["REFUND"]


def test_a_withdrawal_empties_the_balance(xendit: xendit_support.Xendit) -> None:
    invoice = xendit.paid()
    xendit.control.call("POST", "/_sandbox/xendit/payouts", status=409)
    xendit.act_on_charge(invoice, "settle")
    xendit.control.call("POST", "/_sandbox/xendit/payouts")
    assert xendit.get("/transactions")["data"][0]["type"] == "WITHDRAWAL"
    assert xendit.get("/balance") == {"balance": 0}


ADD = {"amount": 5_000_000, "currency": "IDR"}


@contextmanager
def control_of(provider: str, request: pytest.FixtureRequest) -> Iterator[Control]:
    fixture = {"stripe": "sandbox"}.get(provider, provider)
    yield request.getfixturevalue(fixture).control


@pytest.mark.parametrize("provider", ["midtrans", "stripe", "xendit"])
def test_what_cannot_be_made_wrong_is_refused_and_changes_nothing(
    provider: str, request: pytest.FixtureRequest
) -> None:
    with control_of(provider, request) as control:
        path = f"/_sandbox/{provider}/settlements"
        row = control.call("POST", path, ADD)["id"]
        before = control.call("GET", path)
        for body in ({}, [], {"amount": 1}, {**ADD, "amount": 0}, {**ADD, "amount": 1.5}, {**ADD, "currency": "idr"}):
            control.call("POST", path, body, status=400)
        for change in ({}, {"amount": "1"}, {"fee": True}, {"odd": 1}, {"currency": "rupiah"}, {"net": 10**15}):
            control.call("POST", f"{path}/{row}/change", change, status=400)
        for name, body in (("drop", None), ("repeat", None), ("change", {"fee": 0})):
            control.call("POST", f"{path}/unknown/{name}", body, status=404)
        control.call("GET", "/_sandbox/nobody/settlements", status=404)
        assert control.call("GET", path) == before


@pytest.mark.parametrize("provider", ["midtrans", "stripe", "xendit"])
def test_the_rows_of_an_order_are_found_by_its_reference(provider: str, request: pytest.FixtureRequest) -> None:
    with control_of(provider, request) as control:
        path = f"/_sandbox/{provider}/settlements"
        control.call("POST", path, ADD)
        if provider == "stripe":
            paid_charge(request.getfixturevalue("sandbox"), "MINE")
        else:
            request.getfixturevalue(provider).paid("MINE")
        [row] = control.call("GET", f"{path}?reference=MINE")["settlements"]
        exponent = row["exponent"]
        assert (row["reference"], row["amount"], row["currency"]) == ("MINE", 150_000 * 10**exponent, "IDR")
        assert row["net"] == row["amount"] - row["fee"]
        assert len(control.call("GET", path)["settlements"]) == 2
