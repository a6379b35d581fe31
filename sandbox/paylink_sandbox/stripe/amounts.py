"""How Stripe counts money. Source: docs.stripe.com/currencies."""

from paylink_sandbox.money import Amount
from paylink_sandbox.stripe.errors import invalid

_ZERO_DECIMAL = frozenset(
    {"BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA", "PYG", "RWF", "VND", "VUV", "XAF", "XOF", "XPF"}
)
_THREE_DECIMAL = frozenset({"BHD", "JOD", "KWD", "OMR", "TND"})
# Written with two decimals that must be zero.
_WHOLE_ONLY = frozenset({"ISK", "UGX"})
# Roughly US$ 0.50; other currencies are held to 50 of their smallest unit.
_MINIMUM = {"IDR": 800_000, "GBP": 30, "MYR": 200, "THB": 1_000, "PHP": 2_500, "HKD": 400, "KWD": 150}


def amount(units: int, currency: str) -> Amount:
    """`currency` in any case. IDR has two decimals here: Rp 10.000 is 1000000."""
    code = currency.upper()
    exponent = 0 if code in _ZERO_DECIMAL else 3 if code in _THREE_DECIMAL else 2
    return Amount(units, exponent, code)


def check_total(total: Amount, param: str) -> None:
    """Raises StripeError for a total that Stripe would not charge."""
    minimum = total.with_units(_MINIMUM.get(total.currency, 50))
    maximum = total.with_units(10 ** (12 if total.currency == "IDR" else 8) - 1)
    if total.units < minimum.units:
        message = f"The Checkout Session's total amount due must add up to at least {minimum.display}"
        raise invalid(param, message, "amount_too_small")
    if total.units > maximum.units:
        message = f"The Checkout Session's total amount due must add up to no more than {maximum.display}"
        raise invalid(param, message, "amount_too_large")
    if total.currency in _THREE_DECIMAL and total.units % 10:
        raise invalid(param, f"Invalid amount: in {total.currency} the last digit must be 0")
    if total.currency in _WHOLE_ONLY and total.units % 100:
        raise invalid(param, f"Invalid amount: in {total.currency} the last two digits must be 0")
