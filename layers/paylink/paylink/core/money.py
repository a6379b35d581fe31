"""Amounts as integers in the smallest unit people pay with: cents for USD, whole yen for JPY, whole rupiah for IDR."""

import re
from dataclasses import dataclass

_CURRENCY = re.compile(r"[A-Z]{3}\Z", re.ASCII)

AMOUNT_MAX = 10**12
"""The largest amount of one transaction: a guard against slips, far above any real checkout."""


class InvalidMoney(ValueError):
    """The amount is not an integer of the allowed range, or the currency is not three upper-case letters."""


class UnrepresentableAmount(InvalidMoney):
    """A provider's figure cannot be told exactly in our unit, or ours in the provider's."""


@dataclass(frozen=True)
class Money:
    """
    A non-negative amount of one currency.

    Raises:
        InvalidMoney: `amount` is negative or no int (bool and float are refused), or `currency` has a wrong form.
    """

    amount: int
    currency: str

    def __post_init__(self) -> None:
        if type(self.amount) is not int or self.amount < 0:
            raise InvalidMoney(f"an amount is a non-negative integer, not {self.amount!r}")
        if not _CURRENCY.match(self.currency):
            raise InvalidMoney(f"a currency is three upper-case letters, not {self.currency!r}")

    def __str__(self) -> str:
        return f"{self.currency} {self.amount}"
