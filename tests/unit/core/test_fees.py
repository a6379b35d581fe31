"""Fee agreements: exact, whatever is rounded by whom."""

from datetime import UTC, datetime
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paylink.core.fees import FeeAgreement, FeeTerms

START = datetime(2026, 3, 1, tzinfo=UTC)


def agreed(percent_ppm: int, fixed: int = 0, tax_ppm: int = 0, tolerance: int = 0) -> FeeAgreement:
    return FeeAgreement("IDR", START, FeeTerms(percent_ppm, fixed, tax_ppm, tolerance))


@pytest.mark.parametrize(
    ("agreement", "amount", "fee"),
    [
        (agreed(7_000), 150_000, 1_050),
        (agreed(0, fixed=4_000, tax_ppm=110_000), 150_000, 4_440),
        (agreed(29_000, fixed=2_000, tax_ppm=110_000), 150_000, 7_049),  # 7048.5
        (agreed(7_000), 71, 0),  # 0.497
        (agreed(7_000), 72, 1),  # 0.504
        (agreed(0), 10**12, 0),
    ],
    ids=str,
)
def test_the_agreed_fee_to_the_nearest_unit(agreement: FeeAgreement, amount: int, fee: int):
    assert agreement.fee_of(amount) == fee
    assert agreement.allows(amount, fee)


def test_less_than_a_unit_is_no_difference_and_the_tolerance_is_whole_units():
    exact = agreed(7_000)  # 1050
    assert [fee for fee in range(1_040, 1_060) if exact.allows(150_000, fee)] == [1_050]
    between = agreed(29_000, fixed=2_000, tax_ppm=110_000)  # 7048.5
    assert [fee for fee in range(7_040, 7_060) if between.allows(150_000, fee)] == [7_048, 7_049]
    tolerant = agreed(7_000, tolerance=2)
    assert [fee for fee in range(1_040, 1_060) if tolerant.allows(150_000, fee)] == [1_048, 1_049, 1_050, 1_051, 1_052]


def test_where_nothing_is_agreed_every_fee_is_allowed():
    ended = FeeAgreement("IDR", START, None)
    assert ended.allows(150_000, 10**9)
    with pytest.raises(LookupError):
        ended.fee_of(150_000)


@given(
    st.integers(0, 10**6), st.integers(0, 10**9), st.integers(0, 10**6), st.integers(0, 100),
    st.integers(0, 10**12), st.integers(-(10**6), 10**6),
)  # fmt: skip
def test_it_is_the_arithmetic_of_fractions(ppm: int, fixed: int, tax: int, tolerance: int, amount: int, off: int):
    agreement = agreed(ppm, fixed, tax, tolerance)
    exact = (Fraction(amount * ppm, 10**6) + fixed) * (1 + Fraction(tax, 10**6))
    fee = agreement.fee_of(amount)
    assert abs(fee - exact) <= Fraction(1, 2)
    assert agreement.allows(amount, fee + off) == (abs(fee + off - exact) < tolerance + 1)
