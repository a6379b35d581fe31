"""What was found; of cold starts also what each import cost."""

from collections.abc import Iterator

from bench.common import report


class Report(report.Report):
    def text(self) -> str:
        return "\n".join([super().text(), *self._imports()])

    def _imports(self) -> Iterator[str]:
        for row in self.rows:
            for function, found in row.details.get("functions", {}).items():
                dearest = ", ".join(f"{name} {ms:.0f}" for name, ms in found["imports_ms"].items())
                yield f"{function:<24}{found['cpu_ms']:>6.0f} ms   {dearest}"
