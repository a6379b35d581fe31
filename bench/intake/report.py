"""What was found, as text for a reader and as JSON for a program."""

from dataclasses import dataclass
from typing import Any

from bench.common.goals import Row, Verdict
from bench.common.tables import text_table
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
        return "\n".join(text_table(self.verdicts))

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
