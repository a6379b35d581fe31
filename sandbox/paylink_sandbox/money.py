"""Amounts as the providers count them, and as people read them."""

from dataclasses import dataclass

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
        symbol, thousands, mark = _STYLES.get(self.currency, (self.currency, ",", "."))
        whole, _, fraction = self.decimal.partition(".")
        if self.currency == "IDR" and not fraction.strip("0"):
            fraction = ""
        text = f"{int(whole):,}".replace(",", thousands)
        return f"{symbol} {text}{mark}{fraction}" if fraction else f"{symbol} {text}"

    def with_units(self, units: int) -> "Amount":
        return Amount(units, self.exponent, self.currency)
