"""What a provider may keep of a payment, as it was agreed. Exact: nothing is rounded before it is compared."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

_MILLION = 10**6
_UNIT = _MILLION * _MILLION


@dataclass(frozen=True)
class FeeTerms:
    """
    A part of the gross amount, in parts of a million, and a fixed amount; on both a tax, in parts of a million.

    `tolerance` is by how much a fee may differ. Amounts are in the smallest unit of the agreement's currency.
    """

    percent_ppm: int
    fixed: int
    tax_ppm: int
    tolerance: int


@dataclass(frozen=True)
class FeeAgreement:
    """The terms of a currency from a moment on; None: nothing is agreed from then on."""

    currency: str
    valid_from: datetime
    terms: FeeTerms | None

    def fee_of(self, amount: int) -> int:
        """Return the agreed fee of a payment to the nearest unit."""
        return (2 * self._exact(amount) + _UNIT) // (2 * _UNIT)

    def allows(self, amount: int, fee: int) -> bool:
        """Whether a fee is as agreed. Providers round each part in their own way: less than a unit is no difference."""
        return self.terms is None or abs(fee * _UNIT - self._exact(amount)) < (self.terms.tolerance + 1) * _UNIT

    def _exact(self, amount: int) -> int:
        if self.terms is None:
            raise LookupError("nothing is agreed")
        return (amount * self.terms.percent_ppm + self.terms.fixed * _MILLION) * (_MILLION + self.terms.tax_ppm)


def agreement_for(agreements: Iterable[FeeAgreement], currency: str, moment: datetime) -> FeeAgreement | None:
    """Return what counted at a moment. Of one currency, the agreements are the newest first."""
    for agreement in agreements:
        if agreement.currency == currency and agreement.valid_from <= moment:
            return agreement if agreement.terms is not None else None
    return None
