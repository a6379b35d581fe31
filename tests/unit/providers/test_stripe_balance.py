"""Balance transactions as settlement lines: their figures in whole rupiah, and what they settle."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paylink.core.money import UnrepresentableAmount
from paylink.providers.settlements import LineKind
from paylink.providers.stripe.balance import line_of
from paylink.providers.stripe.money import from_stripe_movement

MOVEMENT: dict[str, Any] = {
    "id": "txn_1",
    "object": "balance_transaction",
    "amount": 15_000_000,
    "created": 1_767_225_900,
    "currency": "idr",
    "exchange_rate": None,
    "fee": 435_000,
    "net": 14_565_000,
    "reporting_category": "charge",
    "source": None,
    "status": "pending",
    "type": "charge",
}
UNITS = st.integers(-(10**14), 10**14)


@given(UNITS, st.integers(-(10**10), 10**10))
def test_figures_in_sen_keep_their_sum(amount: int, fee: int):
    """Less than a rupiah is counted against the merchant, and the three figures add up as Stripe's do."""
    gross, kept, net = from_stripe_movement(amount, fee, amount - fee, "idr")
    assert gross - kept == net
    assert 0 <= amount - gross * 100 < 100
    assert 0 <= kept * 100 - fee < 100


@given(UNITS, st.integers(-(10**10), 10**10), st.integers(-(10**6), 10**6).filter(bool))
def test_figures_that_do_not_add_up_never_seem_to(amount: int, fee: int, off: int):
    """Also where they are wrong by less than a rupiah."""
    gross, kept, net = from_stripe_movement(amount, fee, amount - fee - off, "idr")
    missing = gross - kept - net
    assert abs(off) <= abs(missing) * 100 < abs(off) + 100
    assert (missing > 0) == (off > 0)


@given(UNITS, UNITS, UNITS, st.sampled_from(["usd", "jpy", "kwd"]))
def test_figures_of_other_currencies_are_told_as_they_are(amount: int, fee: int, net: int, currency: str):
    assert from_stripe_movement(amount, fee, net, currency) == (amount, fee, net)


@pytest.mark.parametrize("wrong", [1.5, "1", None, True])
@pytest.mark.parametrize("field", ["amount", "fee", "net"])
def test_a_figure_that_is_no_integer_is_refused(field: str, wrong: object):
    with pytest.raises(UnrepresentableAmount):
        line_of(MOVEMENT | {field: wrong}, None)


@pytest.mark.parametrize("currency", ["huf", "xxx", "", None, 7])
def test_a_currency_that_cannot_be_told_is_refused(currency: object):
    with pytest.raises(UnrepresentableAmount):
        line_of(MOVEMENT | {"currency": currency}, None)


def test_a_figure_beyond_any_real_one_is_refused():
    with pytest.raises(ValueError, match="beyond any real one"):
        line_of(MOVEMENT | {"amount": 10**30, "net": 10**30 - 435_000}, None)


@pytest.mark.parametrize("created", [10**18, -(10**18), 10**400, "1767225900", None])
def test_a_time_that_there_is_not_is_refused(created: object):
    with pytest.raises((OverflowError, TypeError)):
        line_of(MOVEMENT | {"created": created}, None)


@pytest.mark.parametrize("missing", ["id", "amount", "fee", "net", "currency", "type", "created", "status", "source"])
def test_a_field_that_is_missing_is_told(missing: str):
    with pytest.raises(LookupError):
        line_of({name: value for name, value in MOVEMENT.items() if name != missing}, None)


@pytest.mark.parametrize(
    ("type_", "category", "kind"),
    [
        ("charge", "charge", LineKind.PAYMENT),
        ("payment", "charge", LineKind.PAYMENT),
        ("refund", "refund", LineKind.REFUND),
        ("payment_refund", "refund", LineKind.REFUND),
        ("refund_failure", "refund_failure", LineKind.REFUND),
        ("adjustment", "dispute", LineKind.CHARGEBACK),
        ("adjustment", "dispute_reversal", LineKind.CHARGEBACK),
        ("adjustment", "other_adjustment", LineKind.ADJUSTMENT),
        ("stripe_fee", "fee", LineKind.FEE),
        ("payout", "payout", LineKind.PAYOUT),
        ("payout_failure", "payout_reversal", LineKind.PAYOUT),
        ("something_new", "something_new", LineKind.ADJUSTMENT),
    ],
)
def test_each_type_is_one_of_our_kinds(type_: str, category: str, kind: LineKind):
    """Money of a type that is new to us is told too."""
    line = line_of(MOVEMENT | {"type": type_, "reporting_category": category}, None)
    assert line.kind is kind
    assert (line.paid_amount is None) == (kind in (LineKind.FEE, LineKind.PAYOUT, LineKind.ADJUSTMENT))


def test_after_a_conversion_the_charge_tells_what_was_paid():
    charge = {"object": "charge", "id": "ch_1", "amount_captured": 14_000_000, "currency": "idr"}
    converted = MOVEMENT | {"amount": 930, "fee": 67, "net": 863, "currency": "usd", "exchange_rate": 0.00006}
    line = line_of(converted | {"source": charge}, None)
    assert (line.amount, line.currency, line.paid_amount, line.paid_currency) == (930, "USD", 140_000, "IDR")
    unnamed = line_of(converted | {"source": "ch_1"}, None)
    assert (unnamed.paid_amount, unnamed.paid_currency) == (None, None)


@pytest.mark.parametrize("told", ["an order", "", 7, None, "01948A00-0000-7000-8000-000000000001", ["x"]])
def test_what_others_write_into_our_metadata_is_no_name_and_holds_nothing_up(told: object):
    charge = {"object": "charge", "id": "ch_1", "payment_intent": "pi_1", "metadata": {"paylink_attempt": told}}
    line = line_of(MOVEMENT | {"source": charge}, None)
    assert [reference.kind for reference in line.references] == ["payment_intent", "charge"]


def test_without_a_conversion_the_line_tells_it_whatever_the_charge_says():
    """A line with another amount, or in another currency, is one to find, not to explain away."""
    charge = {"object": "charge", "id": "ch_1", "amount_captured": 15_000_000, "currency": "idr"}
    line = line_of(MOVEMENT | {"amount": 14_000_000, "net": 13_565_000, "source": charge}, None)
    assert (line.paid_amount, line.paid_currency) == (140_000, "IDR")
    other = line_of(MOVEMENT | {"currency": "usd", "source": charge}, None)
    assert (other.paid_amount, other.paid_currency) == (15_000_000, "USD")
