"""What was found, as text for a reader and as JSON for a program."""

from dataclasses import dataclass
from typing import Any

from bench.common.goals import Row, Verdict
from bench.common.tables import text_table


@dataclass(frozen=True)
class Report:
    machine: dict[str, str]
    rows: list[Row]

    @property
    def verdicts(self) -> list[Verdict]:
        return [verdict for row in self.rows for verdict in row.verdicts]

    def text(self) -> str:
        return "\n".join(text_table(self.verdicts))

    def as_json(self) -> dict[str, Any]:
        return {"machine": self.machine, "rows": [row.as_json() for row in self.rows]}
