"""
Our own refunds: what becomes of each, and how long its amount stays reserved.

A refund's amount is reserved as long as money may move by it and the transaction's `refunded` does not hold it. So at
no moment do our requests exceed what was captured, whatever the provider shows and when; and nothing stays reserved
once its figures are complete. Pure.
"""

from dataclasses import dataclass, replace
from enum import StrEnum


class RefundState(StrEnum):
    REQUESTED = "requested"
    """The call is running, or its process died."""
    UNKNOWN = "unknown"
    """The call left us and no clear answer came back."""
    PENDING = "pending"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    """The provider refused it, or could not carry it out. Providers alone say so."""
    NOT_SENT = "not_sent"
    """Provably nothing was done; a new refund may be made."""


UNANSWERED = frozenset({RefundState.REQUESTED, RefundState.UNKNOWN})
LIVE = UNANSWERED | {RefundState.PENDING, RefundState.SUCCEEDED}
"""Money has moved by it, or may still."""

_RANK = {
    RefundState.REQUESTED: 0,
    RefundState.UNKNOWN: 0,
    RefundState.NOT_SENT: 0,
    RefundState.PENDING: 1,
    RefundState.FAILED: 2,
    RefundState.SUCCEEDED: 2,
}


@dataclass(frozen=True)
class Standing:
    """Where one refund stands. `counted`: the figure in the transaction's `refunded` holds it."""

    amount: int
    state: RefundState
    counted: bool = False

    @property
    def reserved(self) -> int:
        return self.amount if self.state in LIVE and not self.counted else 0

    @property
    def settled(self) -> bool:
        """Nothing is left to learn of it. A provider may still take back what has succeeded, and says so then."""
        if self.state is RefundState.SUCCEEDED:
            return self.counted
        return self.state not in LIVE


@dataclass(frozen=True)
class Listed:
    """A refund as the provider lists it beside its sum of refunds. `counted`: the sum holds it."""

    state: RefundState
    counted: bool


def after_answer(standing: Standing, told: RefundState) -> Standing:
    """
    Return where a refund stands once the provider has told its state: pending, succeeded or failed.

    An end outlives a late `pending`. One end may follow the other: what has succeeded can be sent back by a bank.
    """
    return replace(standing, state=told if _RANK[told] >= _RANK[standing.state] else standing.state)


def after_figures(standing: Standing, listed: Listed | None) -> Standing:
    """
    Return where a refund stands once `refunded` was set from a sum; `listed` is None where the provider does not show
    the refund behind it, or does not tell what the sum is made of. Its amount is then reserved (again).
    """
    if listed is None:
        return replace(standing, counted=False)
    return replace(after_answer(standing, listed.state), counted=listed.counted)


def rest(captured: int, refunded: int, reserved: int) -> int:
    """Return how much may still be asked for; never below 0, though others may have given back more."""
    return max(0, captured - refunded - reserved)
