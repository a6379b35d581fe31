"""
A transaction as it will be once what its provider answers is applied, where that was not done.

Settlement lines tell the same: beside what is stored they would tell one cause a second time.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from paylink.core.refunds import UNANSWERED, Listed, RefundState, Standing, after_figures
from paylink.core.statements import OurRefund, OurTransaction
from paylink.core.states import Dispute, State


@dataclass(frozen=True)
class Foreseen:
    """
    What a transaction of `version` is afterwards. `refunds` are those of ours that the answer lists beside its sum;
    None when it tells of no sum.
    """

    version: int
    state: State
    captured: int
    refunded: int
    dispute: Dispute | None
    paid_attempt_id: UUID | None
    refunds: Mapping[UUID, Listed] | None

    def as_json(self) -> dict[str, object]:
        listed = None
        if self.refunds is not None:
            listed = {str(i): {"state": one.state.value, "counted": one.counted} for i, one in self.refunds.items()}
        return {
            "version": self.version,
            "state": self.state.value,
            "captured": self.captured,
            "refunded": self.refunded,
            "dispute": self.dispute and self.dispute.value,
            "paid_attempt_id": self.paid_attempt_id and str(self.paid_attempt_id),
            "refunds": listed,
        }


def foreseen_of(told: object) -> Foreseen | None:
    """Return what `Foreseen.as_json` told; None of anything else."""
    try:
        return _read(told) if isinstance(told, Mapping) else None
    except (KeyError, TypeError, ValueError, AttributeError):
        return None


def _read(told: Mapping[str, Any]) -> Foreseen:
    listed = None
    if told["refunds"] is not None:
        listed = {
            UUID(name): Listed(RefundState(one["state"]), bool(one["counted"])) for name, one in told["refunds"].items()
        }
    return Foreseen(
        version=_whole(told["version"]),
        state=State(told["state"]),
        captured=_whole(told["captured"]),
        refunded=_whole(told["refunded"]),
        dispute=None if told["dispute"] is None else Dispute(told["dispute"]),
        paid_attempt_id=None if told["paid_attempt_id"] is None else UUID(told["paid_attempt_id"]),
        refunds=listed,
    )


def _whole(figure: object) -> int:
    if type(figure) is not int or figure < 0:
        raise TypeError("a figure is a whole number, and none below 0")
    return figure


def foresee(ours: OurTransaction, then: Foreseen, now: datetime) -> OurTransaction | None:
    """
    Return our side as it is then; what is new of it is learned `now`. None when it cannot be told: a refund of it is
    under way then, or the answer does not list it.
    """
    refunds = [_refund_then(refund, then, now) for refund in ours.refunds]
    known = tuple(refund for refund in refunds if refund is not None)
    if len(known) < len(refunds):
        return None
    return replace(
        ours,
        state=then.state,
        captured=then.captured,
        refunded=then.refunded,
        dispute=then.dispute,
        paid_attempt_id=then.paid_attempt_id,
        captured_at=ours.captured_at if then.captured == ours.captured else now,
        refunded_at=ours.refunded_at if then.refunded == ours.refunded else now,
        disputed_at=ours.disputed_at if then.dispute == ours.dispute else now,
        refunds=known,
    )


def _refund_then(refund: OurRefund, then: Foreseen, now: datetime) -> OurRefund | None:
    if then.refunds is None:
        return refund
    standing = after_figures(Standing(refund.amount, refund.state, counted=True), then.refunds.get(refund.id))
    if standing.reserved or standing.state is RefundState.PENDING or standing.state in UNANSWERED:
        return None
    return refund if standing.state is refund.state else replace(refund, state=standing.state, ended_at=now)
