"""
Stripe's amounts. Stripe counts IDR in sen (two decimals), PayLink in whole rupiah; all other supported currencies
agree.

Source: Stripe, "zero-decimal currencies" and "special cases". ISK, HUF, TWD and UGX follow rules of their own there and
are not supported.
"""

from paylink.core.money import Money, UnrepresentableAmount

_FACTOR_100 = frozenset({"IDR"})
_THREE_DECIMALS = frozenset({"BHD", "JOD", "KWD", "OMR", "TND"})
_SAME_UNIT = frozenset((
    "AED", "AUD", "BRL", "CAD", "CHF", "CNY", "CZK", "DKK", "EUR", "GBP", "HKD", "INR", "MXN", "MYR", "NOK", "NZD",
    "PHP", "PLN", "SAR", "SEK", "SGD", "THB", "TRY", "USD", "ZAR",
    "BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA", "PYG", "RWF", "VND", "VUV", "XAF", "XOF", "XPF",
))  # fmt: skip
_UNITS_MAX = 99_999_999
_UNITS_MAX_IDR = 999_999_999_999
CURRENCIES = _FACTOR_100 | _THREE_DECIMALS | _SAME_UNIT


def to_stripe_amount(money: Money) -> int:
    """
    Return `unit_amount` in Stripe's unit.

    Raises:
        UnrepresentableAmount: The currency is not supported, the amount is over Stripe's maximum (8 digits, for IDR
            12, in its units), or a three-decimal amount does not end in 0.
    """
    if money.currency not in CURRENCIES:
        raise UnrepresentableAmount(f"the currency {money.currency} is not supported by this provider")
    factor = 100 if money.currency in _FACTOR_100 else 1
    most = (_UNITS_MAX_IDR if money.currency == "IDR" else _UNITS_MAX) // factor
    if money.amount > most:
        raise UnrepresentableAmount(f"this provider takes at most {most} in {money.currency}")
    if money.currency in _THREE_DECIMALS and money.amount % 10:
        raise UnrepresentableAmount(f"an amount in {money.currency} must end in 0 for this provider")
    return money.amount * factor


def from_stripe_amount(amount: object, currency: object) -> Money:
    """
    Return Stripe's `amount` of lower-case `currency` as Money.

    Raises:
        UnrepresentableAmount: It is not a non-negative integer of a supported currency, or has a fraction of a rupiah.
    """
    if type(amount) is not int or amount < 0 or not isinstance(currency, str):
        raise UnrepresentableAmount("an amount is not a non-negative integer with a currency")
    code = currency.upper()
    if code not in CURRENCIES:
        raise UnrepresentableAmount("an amount is in a currency that is not supported")
    if code not in _FACTOR_100:
        return Money(amount, code)
    whole, rest = divmod(amount, 100)
    if rest:
        raise UnrepresentableAmount(f"{amount} is not a whole number of {code}")
    return Money(whole, code)


def from_stripe_refunded(amount: object, currency: object) -> int:
    """
    Return a sum of refunds in our unit, a fraction of a rupiah counted as a whole one.

    It reports what others did, in units that we do not have. Refusing it would hide the refund and every later change;
    rounded up it never lets more be given back than there is.

    Raises:
        UnrepresentableAmount: It is not a non-negative integer of a supported currency.
    """
    rest = amount % 100 if type(amount) is int and str(currency).upper() in _FACTOR_100 else 0
    whole = amount - rest + (100 if rest else 0) if type(amount) is int else amount
    return from_stripe_amount(whole, currency).amount
