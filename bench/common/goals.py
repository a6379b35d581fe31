"""The rows of the table, what each must reach and aims at, and whether a figure does."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from bench.common.summary import Spread, spread


@dataclass(frozen=True)
class Goal:
    what: str
    unit: str
    must: float
    aim: float | None = None
    at_least: bool = True

    def met(self, figure: Spread, wanted: float) -> bool:
        """The worse quartile is judged, so that three runs in four, and not every other one, are good."""
        return figure.low >= wanted if self.at_least else figure.high <= wanted


@dataclass(frozen=True)
class Verdict:
    goal: Goal
    figure: Spread

    @property
    def passed(self) -> bool:
        return self.goal.met(self.figure, self.goal.must)

    @property
    def reached_aim(self) -> bool | None:
        return None if self.goal.aim is None else self.goal.met(self.figure, self.goal.aim)


@dataclass(frozen=True)
class Row:
    """One row of the table. `details` are figures without a goal, for the JSON."""

    name: str
    verdicts: tuple[Verdict, ...]
    details: Mapping[str, Any] = field(default_factory=dict)

    @property
    def passed(self) -> bool:
        return all(verdict.passed for verdict in self.verdicts)

    def as_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "passed": self.passed,
            "verdicts": [
                asdict(v.goal) | {"figure": asdict(v.figure), "passed": v.passed, "reached_aim": v.reached_aim}
                for v in self.verdicts
            ],
            "details": dict(self.details),
        }


def judge(goal: Goal, values: Sequence[float]) -> Verdict:
    """By the median and quartiles of the values; a single one is all three."""
    return Verdict(goal, spread(values) if len(values) > 1 else Spread(values[0], values[0], values[0]))


def ratios(over: Sequence[float], under: Sequence[float]) -> list[float]:
    """Of each pair, whose two figures were taken one after the other."""
    return [a / b for a, b in zip(over, under, strict=True)]


def summary(curve: Mapping[float, float]) -> dict[str, float]:
    """Return the points of a latency curve that people ask for."""
    return {"p50": curve[50.0], "p90": curve[90.0], "p99": curve[99.0], "max": curve[100.0]}
