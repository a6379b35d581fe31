"""
The circuit breaker of one provider account, as a pure function of its state and the time.

Closed, it counts calls in a window; too many failures open it. Open, it lets nobody pass for a while, then one probe at
a time; a probe that works closes it, one that fails keeps it open for twice as long.
"""

from dataclasses import dataclass, replace
from typing import NamedTuple

CLOSED, OPEN, HALF_OPEN = "closed", "open", "half_open"


@dataclass(frozen=True)
class BreakerRules:
    """
    Times in milliseconds. It opens at `failures_min` failures within a window, when they are `failures_percent` of its
    calls at least. `probe_ms` is how long a probe may take before another is let pass.
    """

    window_ms: int = 20_000
    failures_min: int = 5
    failures_percent: int = 50
    open_ms: int = 5_000
    open_max_ms: int = 60_000
    probe_ms: int = 15_000


@dataclass(frozen=True)
class BreakerState:
    """`open_until` is 0 while it is closed; `openings` counts how often it has opened since."""

    window_at: int = 0
    worked: int = 0
    failed: int = 0
    open_until: int = 0
    openings: int = 0
    probe_until: int = 0

    def name(self, now_ms: int) -> str:
        if self.open_until == 0:
            return CLOSED
        return OPEN if now_ms < self.open_until else HALF_OPEN


class Permit(NamedTuple):
    """`wait_ms` is 0 for who may pass. `probe` names the probe that this call is, else 0."""

    wait_ms: int
    probe: int = 0


def admit(state: BreakerState, now_ms: int, rules: BreakerRules, *, worked: int) -> tuple[BreakerState, Permit]:
    """Decide whether a call may be made. `worked` calls have succeeded since this was asked last."""
    if state.open_until == 0:
        state = _in_window(state, now_ms, rules)
        return replace(state, worked=state.worked + worked), Permit(0)
    closed_until = max(state.open_until, state.probe_until)
    if now_ms < closed_until:
        return state, Permit(closed_until - now_ms)
    probe = now_ms + rules.probe_ms
    return replace(state, probe_until=probe), Permit(0, probe)


def report(state: BreakerState, now_ms: int, rules: BreakerRules, *, probe: int, worked: bool) -> BreakerState:
    """Take in how a call ended. Of an open breaker only its probe tells anything: other calls began before."""
    if state.open_until == 0:
        if worked:
            return state
        state = _in_window(state, now_ms, rules)
        state = replace(state, failed=state.failed + 1)
        calls = state.failed + state.worked
        bad = state.failed >= rules.failures_min and state.failed * 100 >= rules.failures_percent * calls
        return _opened(state, now_ms, rules) if bad else state
    if probe == 0 or probe != state.probe_until:
        return state
    return BreakerState(window_at=now_ms) if worked else _opened(state, now_ms, rules)


def release(state: BreakerState, *, probe: int) -> BreakerState:
    """Take back a permit whose call was not made."""
    return replace(state, probe_until=0) if probe and probe == state.probe_until else state


def _in_window(state: BreakerState, now_ms: int, rules: BreakerRules) -> BreakerState:
    if now_ms - state.window_at < rules.window_ms:
        return state
    return replace(state, window_at=now_ms, worked=0, failed=0)


def _opened(state: BreakerState, now_ms: int, rules: BreakerRules) -> BreakerState:
    open_ms = min(rules.open_ms * 2**state.openings, rules.open_max_ms)
    return BreakerState(window_at=now_ms, open_until=now_ms + open_ms, openings=min(state.openings + 1, 16))
