"""What was found, with the curves and series that are drawn."""

from dataclasses import dataclass
from typing import Any

from bench.common import report
from bench.intake.lab import Lab


@dataclass(frozen=True, kw_only=True)
class Report(report.Report):
    lab: Lab

    def as_json(self) -> dict[str, Any]:
        return super().as_json() | {
            "bare_per_s_by_threads": self.lab.bare_rates,
            "steady_per_s": self.lab.steady_per_s,
            "not_accepted": self.lab.not_accepted,
            "curves_ms": self.lab.curves,
            "series": self.lab.series,
        }
