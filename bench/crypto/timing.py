"""Times statements in turns, so that whatever slows the machine down slows all of them."""

import statistics
from collections.abc import Mapping
from dataclasses import dataclass
from time import thread_time
from timeit import Timer
from typing import Any

WARM_UP_ROUNDS = 5
_EMPTY_LOOP = ""


@dataclass(frozen=True)
class Effort:
    """How long to measure: `rounds` are kept, in each of which every statement runs for about `block_s`."""

    rounds: int
    block_s: float


def measure(statements: Mapping[str, str], scope: Mapping[str, Any], effort: Effort) -> dict[str, list[float]]:
    """
    Return for each name the seconds that one run of its statement took, round by round.

    A round times a block of each statement, and each round begins with another one. CPU time is taken, as nothing here
    waits: other processes would take time from the longest blocks most. The garbage collector is off meanwhile
    (`timeit`). The loop around a statement, some 5 ns a turn, takes its own turns empty and is taken off.
    """
    timers = {name: Timer(statement, timer=thread_time, globals=dict(scope)) for name, statement in statements.items()}
    timers[_EMPTY_LOOP] = Timer("pass", timer=thread_time)
    counts = {name: count_for(timer, effort.block_s) for name, timer in timers.items()}
    names = list(timers)
    samples: dict[str, list[float]] = {name: [] for name in names}
    for turn in range(WARM_UP_ROUNDS + effort.rounds):
        first = turn % len(names)
        for name in names[first:] + names[:first]:
            seconds = timers[name].timeit(counts[name]) / counts[name]
            if turn >= WARM_UP_ROUNDS:
                samples[name].append(seconds)
    loop = statistics.median(samples.pop(_EMPTY_LOOP))
    return {name: [seconds - loop for seconds in taken] for name, taken in samples.items()}


def count_for(timer: Timer, block_s: float) -> int:
    """How many runs fill a block. Of three tries the fastest counts: one that was interrupted says nothing."""
    count = 1
    while True:
        elapsed = min(timer.repeat(3, count))
        if elapsed >= block_s / 4:
            return max(1, round(count * block_s / elapsed))
        count *= 2
