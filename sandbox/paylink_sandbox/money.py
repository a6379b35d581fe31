"""Amounts as the providers count them, and as people read them."""

import re
from dataclasses import dataclass

from paylink_sandbox.errors import SandboxError

# symbol, thousands separator, decimal mark; other currencies show their code and English marks
_STYLES = {
    "IDR": ("Rp", ".", ","),
    "USD": ("US$", ",", "."),
    "SGD": ("S$", ",", "."),
    "EUR": ("€", ",", "."),
    "GBP": ("£", ",", "."),
    "JPY": ("¥", ",", "."),
    "MYR": ("RM", ",", "."),
}
_TEXT_MAX = 40


def _style(currency: str) -> tuple[str, str, str]:
    return _STYLES.get(currency, (currency, ",", "."))


@dataclass(frozen=True)
class Amount:
    """`units` is the integer that the provider uses, with `exponent` decimals: US$ 12.34 is 1234 with exponent 2."""

    units: int
    exponent: int
    currency: str

    @property
    def decimal(self) -> str:
        """The amount as a plain decimal number, e.g. `150000.00`."""
        sign = "-" if self.units < 0 else ""
        digits = str(abs(self.units)).rjust(self.exponent + 1, "0")
        if not self.exponent:
            return sign + digits
        return f"{sign}{digits[: -self.exponent]}.{digits[-self.exponent :]}"

    @property
    def display(self) -> str:
        """For people: `Rp 150.000`, `US$ 12.34`. Rupiah shows decimals only when there are any."""
        return f"{_style(self.currency)[0]} {self.number}"

    @property
    def number(self) -> str:
        """`display` without the currency."""
        _, thousands, mark = _style(self.currency)
        whole, _, fraction = self.decimal.partition(".")
        if self.currency == "IDR" and not fraction.strip("0"):
            fraction = ""
        text = f"{int(whole):,}".replace(",", thousands)
        return f"{text}{mark}{fraction}" if fraction else text

    def with_units(self, units: int) -> "Amount":
        return Amount(units, self.exponent, self.currency)


def parse_units(text: str, like: Amount) -> int:
    """
    Read what a person wrote into provider units, by the rules that print the currency of `like`.

    Rupiah may be written 50.000, 50000, 50.000,50 or Rp 50.000. What these rules do not allow is refused even if one
    could guess it: 50,000 is fifty thousand dollars, but no rupiah.

    Raises:
        SandboxError: It is no amount in that currency; the message has an example of one.
    """
    symbol, thousands, mark = (re.escape(part) for part in _style(like.currency))
    fraction = f"(?:{mark}([0-9]{{1,{like.exponent}}}))?" if like.exponent else "()"
    number = f"([1-9][0-9]{{0,2}}(?:{thousands}[0-9]{{3}})+|[0-9]+){fraction}"
    pattern = rf"(?:(?:{symbol}|{like.currency})\s*)?{number}"
    found = re.fullmatch(pattern, text.strip(), re.IGNORECASE) if len(text) <= _TEXT_MAX else None
    if found is None:
        plain = like.number.replace(_style(like.currency)[1], "")
        forms = " or ".join(dict.fromkeys((like.number, plain)))
        raise SandboxError(f"this is no amount in {like.currency}: write it like {forms}")
    whole, decimals = re.sub("[^0-9]", "", found[1]), found[2] or ""
    return int(whole + decimals.ljust(like.exponent, "0"))
