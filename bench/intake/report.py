"""What was found, as text for a reader and as JSON for a program."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from bench.intake.goals import Row, Verdict
from bench.intake.lab import Lab


@dataclass(frozen=True)
class Report:
    machine: dict[str, str]
    rows: list[Row]
    lab: Lab

    @property
    def verdicts(self) -> list[Verdict]:
        return [verdict for row in self.rows for verdict in row.verdicts]

    def text(self) -> str:
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        yield f"{'':<52}{'must':>10}{'aim':>10}{'found':>10}{'quartiles':>16}"
        for verdict in self.verdicts:
            goal = verdict.goal
            aim = "" if goal.aim is None else bound(verdict, goal.aim)
            found = f"{number(verdict.figure.median)} {goal.unit}"
            quartiles = f"{number(verdict.figure.low)}-{number(verdict.figure.high)}"
            mark = "" if verdict.passed else "  MISSED"
            yield f"{goal.what:<52}{bound(verdict, goal.must):>10}{aim:>10}{found:>10}{quartiles:>16}{mark}"

    def as_json(self) -> dict[str, Any]:
        return {
            "machine": self.machine,
            "rows": [row.as_json() for row in self.rows],
            "bare_per_s_by_threads": self.lab.bare_rates,
            "steady_per_s": self.lab.steady_per_s,
            "not_accepted": self.lab.not_accepted,
            "cpu_ms_per_event": self.lab.cpu_ms,
            "curves_ms": self.lab.curves,
            "series": self.lab.series,
        }


def bound(verdict: Verdict, wanted: float) -> str:
    return f"{'>=' if verdict.goal.at_least else '<='} {wanted:g}"


def number(figure: float) -> str:
    """Three digits, or more left of the point."""
    return f"{figure:,.0f}" if figure >= 100 or figure == 0 else f"{figure:.3g}"
