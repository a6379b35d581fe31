"""Xendit's amounts: exact numbers of the main unit, and nothing else."""

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paylink.core.money import AMOUNT_MAX, InvalidMoney, Money, UnrepresentableAmount
from paylink.providers.xendit.client import encode_json
from paylink.providers.xendit.money import CURRENCIES, from_xendit_amount, to_xendit_amount


@pytest.mark.parametrize(
    ("money", "written"),
    [
        (Money(150_000, "IDR"), "150000"),
        (Money(25_000, "VND"), "25000"),
        (Money(1_234, "USD"), "12.34"),
        (Money(100, "PHP"), "1.00"),
        (Money(5, "THB"), "0.05"),
        (Money(AMOUNT_MAX, "IDR"), "1000000000000"),
        (Money(AMOUNT_MAX, "MYR"), "10000000000.00"),
    ],
)
def test_an_amount_is_written_digit_for_digit(money: Money, written: str):
    assert encode_json({"amount": to_xendit_amount(money)}) == f'{{"amount": {written}}}'


@given(st.integers(0, 10**17), st.sampled_from(sorted(CURRENCIES)))
def test_every_amount_comes_back_as_it_was_sent(units: int, currency: str):
    sent = json.loads(encode_json({"amount": to_xendit_amount(Money(units, currency))}), parse_float=Decimal)
    assert from_xendit_amount(sent["amount"], currency) == Money(units, currency)


@pytest.mark.parametrize(
    ("amount", "currency", "units"),
    [
        (150_000, "IDR", 150_000),
        (Decimal("150000.0"), "IDR", 150_000),
        (Decimal("1.5e5"), "IDR", 150_000),
        (Decimal("12.340"), "USD", 1_234),
        (12, "USD", 1_200),
        (0, "PHP", 0),
    ],
)
def test_the_same_number_in_any_spelling_is_the_same_amount(amount: Any, currency: str, units: int):
    assert from_xendit_amount(amount, currency) == Money(units, currency)


@pytest.mark.parametrize(
    ("amount", "currency"),
    [
        (Decimal("150000.5"), "IDR"),
        (Decimal("12.345"), "USD"),
        (Decimal("1." + "0" * 40 + "1"), "USD"),
        (Decimal("1e400"), "IDR"),
        (Decimal("1e-999999"), "IDR"),
        (Decimal("NaN"), "IDR"),
        (10**30, "IDR"),
        (-1, "IDR"),
        (12.0, "USD"),
        (True, "IDR"),
        ("150000", "IDR"),
        (None, "IDR"),
        (1, "idr"),
        (1, "JPY"),
        (1, ["IDR"]),
    ],
)
def test_what_is_not_exact_is_refused_and_never_rounded(amount: Any, currency: Any):
    with pytest.raises((InvalidMoney, ValueError)):
        from_xendit_amount(amount, currency)


def test_a_currency_that_xendit_does_not_take_is_refused():
    with pytest.raises(UnrepresentableAmount):
        to_xendit_amount(Money(100, "EUR"))


def test_an_amount_beyond_eighteen_digits_is_refused():
    with pytest.raises(UnrepresentableAmount):
        to_xendit_amount(Money(10**18 + 1, "IDR"))
