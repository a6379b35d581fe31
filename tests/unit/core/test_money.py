"""Money is exact integers, and converts only at a provider's edge."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paylink.core.money import InvalidMoney, Money, UnrepresentableAmount
from paylink.providers.stripe.money import CURRENCIES, from_stripe_amount, to_stripe_amount


@pytest.mark.parametrize("amount", [1.0, True, "1", None, -1])
def test_an_amount_is_a_non_negative_integer(amount: object):
    with pytest.raises(InvalidMoney):
        Money(amount, "IDR")  # type: ignore[arg-type]


@pytest.mark.parametrize("currency", ["idr", "ID", "IDRR", "ID1", "IDR\n", ""])
def test_a_currency_is_three_upper_case_letters(currency: str):
    with pytest.raises(InvalidMoney):
        Money(1, currency)


@pytest.mark.parametrize(
    ("money", "units"),
    [(Money(150_000, "IDR"), 15_000_000), (Money(1234, "USD"), 1234), (Money(1500, "JPY"), 1500)],
)
def test_stripe_counts_rupiah_in_sen_and_the_others_as_we_do(money: Money, units: int):
    assert to_stripe_amount(money) == units
    assert from_stripe_amount(units, money.currency.lower()) == money


@pytest.mark.parametrize("money", [Money(99_999_999, "USD"), Money(9_999_999_999, "IDR")])
def test_more_than_the_provider_takes_is_refused_before_any_call(money: Money):
    assert to_stripe_amount(money) > 0
    with pytest.raises(UnrepresentableAmount, match=f"at most {money.amount}"):
        to_stripe_amount(Money(money.amount + 1, money.currency))


def test_a_fraction_of_a_rupiah_is_refused_and_not_rounded():
    with pytest.raises(UnrepresentableAmount):
        from_stripe_amount(15_000_050, "idr")


def test_a_three_decimal_amount_must_end_in_zero():
    assert to_stripe_amount(Money(1230, "KWD")) == 1230
    with pytest.raises(UnrepresentableAmount):
        to_stripe_amount(Money(1234, "KWD"))


@pytest.mark.parametrize("currency", ["ISK", "HUF", "TWD", "UGX", "XXX"])
def test_currencies_with_rules_of_their_own_are_refused(currency: str):
    with pytest.raises(UnrepresentableAmount):
        to_stripe_amount(Money(100, currency))


@given(st.integers(0, 9_999_999).map(lambda n: n * 10), st.sampled_from(sorted(CURRENCIES)))
def test_every_amount_comes_back_as_it_went(amount: int, currency: str):
    money = Money(amount, currency)
    assert from_stripe_amount(to_stripe_amount(money), currency.lower()) == money


@pytest.mark.parametrize(("amount", "currency"), [(1.5, "usd"), (True, "usd"), (None, "usd"), (-1, "usd"), (1, None)])
def test_a_strange_answer_is_refused(amount: object, currency: object):
    with pytest.raises(UnrepresentableAmount):
        from_stripe_amount(amount, currency)
