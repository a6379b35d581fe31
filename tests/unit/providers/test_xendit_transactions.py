"""Xendit's transactions as settlement lines: signs by direction, and fees in the reading that fits."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paylink.providers.payments import Reference
from paylink.providers.settlements import LineKind
from paylink.providers.xendit.transactions import has_moved_money, line_of

INVOICE = "65f0a1b2c3d4e5f60718293a"
ROW: dict[str, Any] = {
    "id": "txn_1",
    "product_id": "7d5c3b1a-1111-4222-8333-444455556666",
    "type": "PAYMENT",
    "status": "SUCCESS",
    "reference_id": "order-1",
    "currency": "IDR",
    "amount": 150_000,
    "net_amount": 145_560,
    "cashflow": "MONEY_IN",
    "settlement_status": "SETTLED",
    "fee": {"xendit_fee": 4_000, "value_added_tax": 440},
    "product_data": {"payment_link_id": INVOICE},
    "created": "2026-01-01T00:04:02.000Z",
    "updated": "2026-01-01T06:00:00.000Z",
}
PARTS = ("xendit_fee", "value_added_tax", "xendit_withholding_tax", "third_party_withholding_tax")
PART = st.integers(0, 10**6)


@given(st.integers(0, 10**12), st.tuples(PART, PART, PART, PART), st.sampled_from(["MONEY_IN", "MONEY_OUT"]))
def test_gross_less_fee_is_net_in_every_documented_reading(amount: int, parts: tuple[int, ...], cashflow: str):
    """With the taxes withheld or without them; on top of what goes out, or taken off it."""
    told = dict(zip(PARTS, parts, strict=True))
    for fee in (sum(parts), parts[0] + parts[1]):
        for net in (amount - fee, amount + fee) if cashflow == "MONEY_OUT" else (amount - fee,):
            if net >= 0:
                line = line_of(ROW | {"amount": amount, "net_amount": net, "cashflow": cashflow, "fee": told})
                assert line.amount - line.fee == line.net
                assert abs(line.fee) == fee
                assert (line.amount, abs(line.net)) == (amount if cashflow == "MONEY_IN" else -amount, net)


@given(st.integers(1, 10**6), st.integers(1, 10**6))
def test_a_fee_that_does_not_fit_is_told_as_it_stands(fee: int, off: int):
    row = ROW | {"amount": 10**7, "net_amount": 10**7 - fee - off, "fee": {"xendit_fee": fee}}
    line = line_of(row)
    assert (line.fee, line.amount - line.fee - line.net) == (fee, off)


@pytest.mark.parametrize(
    ("type_", "kind"),
    [
        ("PAYMENT", LineKind.PAYMENT),
        ("REFUND", LineKind.REFUND),
        ("CHARGEBACK", LineKind.CHARGEBACK),
        ("WITHDRAWAL", LineKind.PAYOUT),
        ("TRANSFER_IN", LineKind.ADJUSTMENT),
        ("TOPUP", LineKind.ADJUSTMENT),
        ("SOMETHING_NEW", LineKind.ADJUSTMENT),
    ],
)
def test_each_type_is_one_of_our_kinds(type_: str, kind: LineKind):
    line = line_of(ROW | {"type": type_})
    assert line.kind is kind
    assert (line.paid_amount is None) == (kind in (LineKind.PAYOUT, LineKind.ADJUSTMENT))


@pytest.mark.parametrize(
    ("status", "settled"), [("SETTLED", True), ("EARLY_SETTLED", True), (None, True), ("PENDING", False), ("X", False)]
)
def test_what_is_not_surely_settled_is_announced(status: str | None, settled: bool):
    assert line_of(ROW | {"settlement_status": status}).settled is settled


def test_only_success_has_moved_money():
    moved = {status: has_moved_money({"status": status}) for status in ("PENDING", "FAILED", "VOIDED", "REVERSED")}
    assert not any(moved.values())
    assert has_moved_money({"status": "SUCCESS"})
    with pytest.raises(ValueError, match="unknown status"):
        has_moved_money({"status": "HELD"})


def test_a_payment_is_known_by_every_name_it_may_have():
    """A prefix of the product is left off, and kept too: a payment's id may begin with letters of its own."""
    names = line_of(ROW | {"product_id": "ewc_abc"}).references
    assert names == (Reference("invoice", INVOICE), Reference("payment", "abc"), Reference("payment", "ewc_abc"))
    assert line_of(ROW | {"product_id": None, "product_data": None}).references == ()
    refund = line_of(ROW | {"type": "REFUND", "product_id": "rfd-1", "product_data": None}).references
    assert refund == (Reference("refund_reference", "rfd-1"),)


@pytest.mark.parametrize(
    "change",
    [
        {"amount": 150_000.5},
        {"amount": Decimal("0.5")},
        {"amount": -1},
        {"amount": "150000"},
        {"amount": True},
        {"net_amount": None},
        {"currency": "SGD"},
        {"cashflow": "SIDEWAYS"},
        {"created": "2026-01-01T00:04:02"},
        {"fee": None},
        {"fee": {"xendit_fee": "4000"}},
        {"id": "a b"},
        {"product_data": {"payment_link_id": "../x"}},
    ],
)
def test_a_row_that_cannot_be_told_exactly_is_refused(change: dict[str, Any]):
    with pytest.raises((LookupError, ValueError, TypeError, AttributeError)):
        line_of(ROW | change)
