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


def from_stripe_movement(amount: object, fee: object, net: object, currency: object) -> tuple[int, int, int]:
    """
    Return gross amount, fee and net of a movement on the balance in our unit, each with its sign.

    A fee of 2.9 % may have sen, and refusing it would hide the movement and all after it. What is less than a rupiah
    is counted against the merchant: amounts are rounded down, fees up. Net is what then is left; where Stripe's own
    three figures do not add up, ours differ by as much, rounded up to a rupiah.

    Raises:
        UnrepresentableAmount: One is no integer of a supported currency.
    """
    if type(amount) is not int or type(fee) is not int or type(net) is not int:
        raise UnrepresentableAmount("a figure of a movement is not an integer")
    gross, kept = from_stripe_signed(amount, currency), -from_stripe_signed(-fee, currency)
    off = amount - fee - net
    missing = -from_stripe_signed(-off, currency) if off > 0 else from_stripe_signed(off, currency)
    return gross, kept, gross - kept - missing


def from_stripe_signed(amount: object, currency: object) -> int:
    """
    Return an amount with its sign in our unit, a fraction of a rupiah rounded down.

    Raises:
        UnrepresentableAmount: It is no integer of a supported currency.
    """
    if type(amount) is not int:
        raise UnrepresentableAmount("an amount is not an integer")
    rest = amount % 100 if str(currency).upper() in _FACTOR_100 else 0
    whole = from_stripe_amount(abs(amount - rest), currency).amount
    return whole if amount >= rest else -whole
