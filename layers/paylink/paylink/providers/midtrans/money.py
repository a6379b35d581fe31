"""
Midtrans' amounts: whole rupiah, sent as an integer and told as a text with two decimals, `"150000.00"`.

Source: Midtrans Snap API, `transaction_details.gross_amount`; HTTP notification, `gross_amount`.
"""

import re
from decimal import Decimal

from paylink.core.money import Money, UnrepresentableAmount

CURRENCIES = frozenset({"IDR"})

_AMOUNT = re.compile(r"[0-9]{1,15}(\.[0-9]{1,2})?\Z", re.ASCII)


def to_midtrans_amount(money: Money) -> int:
    """
    Return the whole rupiah that Midtrans expects.

    Raises:
        UnrepresentableAmount: The currency is not IDR, or the amount is zero.
    """
    if money.currency not in CURRENCIES:
        raise UnrepresentableAmount(f"the currency {money.currency} is not supported by this provider")
    if money.amount == 0:
        raise UnrepresentableAmount("this provider takes amounts from 1 IDR")
    return money.amount


def from_midtrans_amount(amount: object, currency: object = None) -> Money:
    """
    Return an amount as Midtrans tells it; a JSON number is read exactly too, so that no refund is hidden by its form.
    Where no currency is told it is rupiah, the only one that Snap takes.

    Raises:
        UnrepresentableAmount: It is neither, has a fraction of a rupiah, or another currency.
    """
    if currency not in (None, "IDR"):
        raise UnrepresentableAmount("an amount is in another currency than IDR")
    if type(amount) in (int, Decimal):
        amount = str(amount)
    if not isinstance(amount, str) or not _AMOUNT.match(amount):
        raise UnrepresentableAmount("an amount is not a decimal text")
    rupiah = Decimal(amount)
    if rupiah != int(rupiah):
        raise UnrepresentableAmount("an amount is not a whole number of IDR")
    return Money(int(rupiah), "IDR")
