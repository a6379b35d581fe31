"""
Differences between what we hold and what a provider holds.

Figures are signed: money that came in is positive, money that went out negative. So `theirs - ours` is by how much
the provider's books are above ours, whatever it is about.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID


class Kind(StrEnum):
    MISSING_INTERNAL = "missing_internal"
    """They have it, we do not."""
    MISSING_AT_PROVIDER = "missing_at_provider"
    """We have it, they do not."""
    AMOUNT_MISMATCH = "amount_mismatch"
    CURRENCY_MISMATCH = "currency_mismatch"
    STATUS_MISMATCH = "status_mismatch"
    FEE_MISMATCH = "fee_mismatch"
    DUPLICATE = "duplicate"


class FoundBy(StrEnum):
    """By what a difference shows. Only the same can tell that it is gone."""

    STATUS = "status"
    """The provider's answer about one payment."""
    SETTLEMENT = "settlement"


class Resolution(StrEnum):
    REPAIRED = "repaired"
    """A run has applied what the provider says."""
    GONE = "gone"
    """A later run looked, and did not find it any more."""
    ACCEPTED = "accepted"
    """A person has decided that nothing is left to do, and said why."""


@dataclass(frozen=True)
class Finding:
    """
    One difference, as a run finds it.

    `subject` is `transaction:<id>`, `refund:<id>` or `line:<line_id>`; `difference` a short text such as
    `pending/paid`; `ours` and `theirs` are in the smallest unit of `currency`. `evidence` has the two sides as
    `ours` and `theirs`: ids, states, amounts and times only, as JSON takes them; one that can be repaired also has
    `after`, how our side is then (core/foreseen.py). `line_id` is the id of the line's row.
    """

    kind: Kind
    subject: str
    difference: str
    currency: str
    ours: int
    theirs: int
    evidence: Mapping[str, object]
    transaction_id: UUID | None = None
    refund_id: UUID | None = None
    line_id: UUID | None = None
    found_by: FoundBy = FoundBy.STATUS

    @property
    def drift(self) -> int:
        return self.theirs - self.ours

    @property
    def fingerprint(self) -> tuple[str, Kind, str, str, int, int]:
        """By what it is the same when it is found again, within its account."""
        return self.subject, self.kind, self.difference, self.currency, self.ours, self.theirs
