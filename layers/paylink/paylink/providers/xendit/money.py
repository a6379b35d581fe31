"""
Xendit's amounts: JSON numbers in the currency's main unit, `150000` for Rp 150.000 and `12.34` for US$ 12.34.

Xendit cuts off decimals of IDR instead of refusing them, so none are ever sent.
"""

from decimal import Context, Decimal, Inexact, InvalidOperation

from paylink.core.money import Money, UnrepresentableAmount

_DECIMALS = {"IDR": 0, "VND": 0, "MYR": 2, "PHP": 2, "THB": 2, "USD": 2}
CURRENCIES = frozenset(_DECIMALS)

_EXACT = Context(prec=18, traps=[Inexact, InvalidOperation])


def to_xendit_amount(money: Money) -> Decimal:
    """
    Return the number to send, with exactly the decimals that the currency has.

    Raises:
        UnrepresentableAmount: The currency is not supported, or the amount has more than 18 digits.
    """
    decimals = _DECIMALS.get(money.currency)
    if decimals is None:
        raise UnrepresentableAmount(f"the currency {money.currency} is not supported by this provider")
    try:
        return _EXACT.scaleb(Decimal(money.amount), -decimals)
    except Inexact as exc:
        raise UnrepresentableAmount("an amount has at most 18 digits") from exc


def from_xendit_amount(amount: object, currency: object) -> Money:
    """
    Return Xendit's `amount`, an int or a Decimal as JSON was read, as Money. A whole `150000.0` is fine.

    Raises:
        UnrepresentableAmount: It is no number of a supported currency, or has more decimals than the currency.
        InvalidMoney: It is negative.
    """
    if not isinstance(amount, int | Decimal) or isinstance(amount, bool):
        raise UnrepresentableAmount("an amount is not a number")
    if not isinstance(currency, str) or currency not in _DECIMALS:
        raise UnrepresentableAmount("an amount is in a currency that is not supported")
    try:
        units = _EXACT.scaleb(Decimal(amount), _DECIMALS[currency])
        return Money(int(_EXACT.quantize(units, Decimal(1))), currency)
    except (Inexact, InvalidOperation) as exc:
        raise UnrepresentableAmount(f"an amount is not exact in {currency}") from exc
