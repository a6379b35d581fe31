"""How soon PayLink must be itself again, from what its parts promise: leases, the relay's interval, restarts."""

from collections.abc import Iterator
from dataclasses import dataclass

from paylink.services.intake import LEASE_S as FRESH_LEASE_S
from paylink.services.one_event import ASK_AGAIN_S
from paylink.services.processing import CLAIM_LEASE_S
from paylink.services.relay import LEASE_S as RELAY_LEASE_S

_RELAY_EVERY_S = 10
"""The default of PAYLINK_SCHEDULE_RATE_MAX_S."""
_RESTART_S = 10
"""A part that died serves again; LocalStack takes longest."""
_TURN_S = 10
"""The budget of an account lets so many seconds pass until the last of a trial's events has its turn."""
_SLACK_S = 10
"""A provider's own pause between two tries, and a slow machine."""

ANSWER_S = 5.0
"""Intake answers by then whatever happens: a provider may give up for good on who takes longer."""


@dataclass(frozen=True)
class Bounds:
    """
    Seconds from the fault's end: to the first event that came and was applied after it, and to the last outcome of an
    event that was on its way before.
    """

    first_s: float
    drained_s: float

    def missed(self, first_s: float | None, drained_s: float) -> list[str]:
        return list(self._missed(first_s, drained_s))

    def _missed(self, first_s: float | None, drained_s: float) -> Iterator[str]:
        if first_s is None:
            yield "nothing that came after the fault was applied"
        elif first_s > self.first_s:
            yield f"first event applied after {first_s:.1f} s, not {self.first_s:g} s"
        if drained_s > self.drained_s:
            yield f"backlog done after {drained_s:.1f} s, not {self.drained_s:g} s"


_DRAINED_S = _RESTART_S + max(CLAIM_LEASE_S, RELAY_LEASE_S) + _RELAY_EVERY_S + _SLACK_S
"""A worker died with an event in its hands, or its message was lost: the lease runs out, and the relay comes by."""

UNHURT = Bounds(first_s=2, drained_s=_DRAINED_S)
"""What webhooks do not need is gone."""
RESTARTED = Bounds(first_s=5, drained_s=_DRAINED_S)
"""Postgres or the worker is killed and started again."""
RETURNED = Bounds(first_s=_RESTART_S, drained_s=_DRAINED_S)
"""A part was away for a while, or is one that takes longer to start."""
QUEUE_LOST = Bounds(first_s=_RESTART_S + FRESH_LEASE_S + _RELAY_EVERY_S, drained_s=_DRAINED_S)
"""New events wait for the relay where the queue did not take them."""


def provider_gone(outage_s: float) -> Bounds:
    """
    What a provider must confirm waits for the next time that it is asked, and then for its turn in the account's
    budget; signed events do not wait at all.
    """
    asked_at_s, steps = 0.0, iter(ASK_AGAIN_S)
    step_s = next(steps)
    while asked_at_s + step_s <= outage_s:
        asked_at_s, step_s = asked_at_s + step_s, next(steps)
    return Bounds(first_s=UNHURT.first_s, drained_s=step_s + _TURN_S + _SLACK_S)
