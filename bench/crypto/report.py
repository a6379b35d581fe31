"""What was found, as text for a reader and as JSON for a program."""

import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from bench.common.summary import Spread
from bench.crypto import tail
from bench.crypto.comparison import OURS, Outcome
from bench.crypto.goals import Verdict
from bench.crypto.tail import Tail


@dataclass(frozen=True)
class Report:
    """All that one run found."""

    machine: dict[str, str]
    outcomes: list[Outcome]
    tails: dict[str, Tail]

    @property
    def verdicts(self) -> list[Verdict]:
        """In the order of the goals."""
        found = [verdict for outcome in self.outcomes for verdict in outcome.verdicts()]
        found += [tail.verdict(self.tails[OURS])] if self.tails else []
        return sorted(found, key=lambda verdict: verdict.goal)

    def text(self) -> str:
        return "\n".join([*self._machine_lines(), *self._time_lines(), *self._tail_lines(), *self._goal_lines()])

    def _machine_lines(self) -> Iterator[str]:
        yield from (f"{name:<11}{value}" for name, value in self.machine.items())

    def _time_lines(self) -> Iterator[str]:
        yield ""
        yield f"{'':<38}{'time of a call':>14}{'quartiles':>21}{'paycrypto is':>22}{'quartiles':>12}"
        for outcome in self.outcomes:
            yield outcome.comparison.what
            for name in [OURS, *outcome.comparison.others]:
                yield time_line(outcome, name)
            if outcome.comparison.message_bytes is not None:
                block = f"{outcome.block_ns().median:.1f} ns a block"
                yield f"  {f'floor, at {block}':<36}{time_text(outcome.floor_ns()):>14}"

    def _tail_lines(self) -> Iterator[str]:
        yield ""
        yield f"{'1 KiB beside a busy Python thread':<38}{'median':>14}{'p99':>12}{'longest':>12}"
        for found in self.tails.values():
            figures = [f"{us:.1f} us" for us in (found.at_us(50), found.p99_us().median, found.at_us(100))]
            yield f"  {found.name:<36}{figures[0]:>14}{figures[1]:>12}{figures[2]:>12}"

    def _goal_lines(self) -> Iterator[str]:
        yield ""
        yield f"{'goal':<6}{'':<52}{'wanted':>10}{'found':>10}{'quartiles':>14}"
        for verdict in self.verdicts:
            found = f"{three_digits(verdict.figure.median)} {verdict.unit}"
            mark = "" if verdict.met else "  MISSED"
            figures = f"{verdict.wanted:>10}{found:>10}{range_text(verdict.figure):>14}"
            yield f"{verdict.goal:<6}{verdict.what:<52}{figures}{mark}"

    def as_json(self) -> dict[str, Any]:
        """Times in nanoseconds, but for those of single calls; every figure with its quartiles `low` and `high`."""
        return {
            "machine": self.machine,
            "goals": [asdict(v) | {"figure": asdict(v.figure), "met": v.met} for v in self.verdicts],
            "comparisons": [outcome_json(outcome) for outcome in self.outcomes],
            "busy_thread_us": {
                found.name: {"p50": found.at_us(50), "p99": found.p99_us().median, "max": found.at_us(100)}
                for found in self.tails.values()
            },
        }


def outcome_json(outcome: Outcome) -> dict[str, Any]:
    compared = outcome.comparison
    found: dict[str, Any] = {
        "what": compared.what,
        "time_ns": {name: asdict(outcome.time_ns(name)) for name in compared.statements},
        "times_faster_than": {name: asdict(outcome.times_faster(name)) for name in compared.others},
        "statements": dict(compared.statements),
    }
    if compared.message_bytes is not None:
        found |= {
            "message_bytes": compared.message_bytes,
            "block_ns": asdict(outcome.block_ns()),
            "floor_ns": outcome.floor_ns(),
        }
    return found


def time_line(outcome: Outcome, name: str) -> str:
    time = outcome.time_ns(name)
    line = f"  {name:<36}{time_text(time.median):>14}{time_text(time.low):>12}-{time_text(time.high):>10}"
    if name == OURS:
        return line
    ratio = outcome.times_faster(name)
    return f"{line}{three_digits(ratio.median):>7} x as fast {range_text(ratio):>14}"


def range_text(figure: Spread) -> str:
    return f"{three_digits(figure.low)}-{three_digits(figure.high)}"


def time_text(nanoseconds: float) -> str:
    for unit, name in ((1e6, "ms"), (1e3, "us")):
        if nanoseconds >= unit:
            return f"{three_digits(nanoseconds / unit)} {name}"
    return f"{nanoseconds:.0f} ns"


def three_digits(figure: float) -> str:
    """Or more, left of the point."""
    whole = int(math.log10(figure)) + 1 if figure >= 1 else 1
    return f"{figure:.{max(0, 3 - whole)}f}"
