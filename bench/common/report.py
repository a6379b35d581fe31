"""What was found, as text for a reader and as JSON for a program."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from bench.common.goals import Row, Verdict
from bench.common.tables import text_table


@dataclass(frozen=True)
class Report:
    machine: dict[str, str]
    rows: list[Row]
    cpu_ms: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    """Processor time of each part for a request, in milliseconds, by kind of run."""

    @property
    def verdicts(self) -> list[Verdict]:
        return [verdict for row in self.rows for verdict in row.verdicts]

    def text(self) -> str:
        return "\n".join(text_table(self.verdicts))

    def as_json(self) -> dict[str, Any]:
        return {"machine": self.machine, "rows": [row.as_json() for row in self.rows], "cpu_ms": self.cpu_ms}
