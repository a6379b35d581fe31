"""The steady state: the rate at which events are applied as fast as they are accepted."""

import math
from collections.abc import Callable
from dataclasses import dataclass

from bench.common import generator
from bench.common.paylink_side import PayLink
from bench.common.rules import Void
from bench.intake.checks import Pace, await_applied, check_stored, pace
from bench.intake.lab import DRAIN_S, Lab

_FIRST = 0.9
_EASED_MAX = 8
_FASTER, _SLOWER, _EASE = 1.25, 0.8, 0.95
_CLOSE = 1.06
"""The search ends when the lowest rate that was too high is at most so many times the highest that was not."""


@dataclass(frozen=True)
class SteadyState:
    """The steady state of one side. A worker must run on it during every call."""

    lab: Lab
    side: PayLink

    @property
    def rate_per_s(self) -> float:
        """The rate that is kept up with: found in the first call, and eased by later ones that could not hold it."""
        rates = self.lab.steady_per_s
        if self.side.name not in rates:
            flooded = self._run(0, self.lab.peak_per_s)
            rates[self.side.name] = search(
                lambda rate: self._steady_run(rate) is not None,
                first=_FIRST * flooded.overall_per_s,
                tries=self.lab.effort.search_runs,
            )
            self.lab.say(f"  {self.side.name} keeps up with {rates[self.side.name]:,.0f} /s")
        return rates[self.side.name]

    def measure(self) -> Pace:
        """
        Run at that rate, and return the first run that was steady: when two in a row are not, the rate is eased.

        Raises:
            Void: No run was steady, at lower and lower rates.
        """
        for _ in range(_EASED_MAX):
            found = self._steady_run(self.rate_per_s)
            if found is not None:
                return found
            self.lab.steady_per_s[self.side.name] *= _EASE
            self.lab.say(f"  {self.side.name}: not steady; on with {self.rate_per_s:,.0f} /s")
        raise Void(f"{self.side.name} kept up with no rate down to {self.rate_per_s:,.0f} /s")

    def _steady_run(self, rate_per_s: float) -> Pace | None:
        return first_steady(lambda: self._run(rate_per_s, rate_per_s), rate_per_s, self.lab.effort.keeps_up)

    def _run(self, rate_per_s: float, expected_per_s: float) -> Pace:
        lab, side, seconds = self.lab, self.side, self.lab.effort.seconds
        mark = side.mark()
        requests = lab.prepare_for(side, expected_per_s, seconds)
        with lab.cpu_counted(f"pipeline, {side.name}") as loads:
            load = generator.send(requests, side.port, seconds=seconds, rate_per_s=rate_per_s)
            await_applied(side, mark, DRAIN_S)
            loads.append(load)
        check_stored(side, mark, load)
        return pace(side, mark)


def is_steady(found: Pace, rate_per_s: float, share: float) -> bool:
    """
    Whether events were accepted at that share of the rate at which they were sent, and applied at that share of the
    rate at which they were accepted, once the pipeline was full.
    """
    taken = found.accepted_per_s >= share * rate_per_s
    return taken and found.applied_per_s >= share * found.accepted_per_s


def first_steady(run: Callable[[], Pace], rate_per_s: float, share: float) -> Pace | None:
    """Return a steady run, of two at most: one may have been disturbed."""
    found = run()
    if not is_steady(found, rate_per_s, share):
        found = run()
    return found if is_steady(found, rate_per_s, share) else None


def search(keeps_up: Callable[[float], bool], first: float, tries: int) -> float:
    """
    Return the highest rate found that is kept up with, closing in from both sides.

    Raises:
        Void: None of those tried is.
    """
    rate, low, high = first, 0.0, math.inf
    for _ in range(tries):
        if keeps_up(rate):
            low = rate
            rate = rate * _FASTER if high == math.inf else (low + high) / 2
        else:
            high = rate
            rate = rate * _SLOWER if low == 0 else (low + high) / 2
        if high <= low * _CLOSE:
            break
    if low == 0:
        raise Void(f"no rate is kept up with, down to {high:,.0f} /s")
    return low
