"""How Xendit counts money: numbers in major units, which are whole for rupiah and dong."""

from decimal import ROUND_DOWN, Decimal

from paylink_sandbox.money import Amount
from paylink_sandbox.xendit.errors import XenditError, invalid

EXPONENTS = {"IDR": 0, "PHP": 2, "THB": 2, "VND": 0, "MYR": 2, "USD": 2}
# Limits depend on the account and the channel; these are chosen (not documented).
_MINIMUM = {"IDR": 1_000, "VND": 1_000}
_MAXIMUM = {"IDR": 50_000_000_000, "VND": 50_000_000_000}
_MINIMUM_ELSEWHERE, _MAXIMUM_ELSEWHERE = 100, 1_000_000_000


def to_amount(number: int | Decimal, currency: str) -> Amount:
    """
    Read `amount` of a request. Decimals of a rupiah are cut off, as documented.

    Raises:
        XenditError: It is not positive, or has more decimals than the currency (refused: not documented).
    """
    amount = cut_off(number, currency)
    if number <= 0:
        raise invalid("amount", "must be a positive number")
    if currency != "IDR" and to_number(amount) != number:
        raise invalid("amount", f"must have at most {amount.exponent} decimal places for {currency}")
    return amount


def cut_off(number: int | Decimal, currency: str) -> Amount:
    """The amount without the decimals that the currency does not have."""
    exponent = EXPONENTS[currency]
    return Amount(int(Decimal(number).scaleb(exponent).to_integral_value(ROUND_DOWN)), exponent, currency)


def to_number(amount: Amount) -> int | Decimal:
    """The amount as Xendit's JSON has it: 150000, 12.5."""
    number = Decimal(amount.units).scaleb(-amount.exponent)
    return int(number) if number == int(number) else number.normalize()


def check_limits(amount: Amount) -> None:
    """Raises XenditError."""
    minimum = amount.with_units(_MINIMUM.get(amount.currency, _MINIMUM_ELSEWHERE))
    maximum = amount.with_units(_MAXIMUM.get(amount.currency, _MAXIMUM_ELSEWHERE))
    if amount.units < minimum.units:
        message = f"The amount must be at least {minimum.display}."
        raise XenditError(400, "MINIMAL_TRANSFER_AMOUNT_ERROR", message, "amount")
    if amount.units > maximum.units:
        message = f"The amount must be at most {maximum.display}."
        raise XenditError(400, "MAXIMUM_TRANSFER_AMOUNT_ERROR", message, "amount")
