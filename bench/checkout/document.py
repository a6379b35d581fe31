"""Writes the merchant API's section of docs/performance.md: how it is measured, and what this run found."""

import statistics
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.checkout.report import Report
from bench.common.document import cpu_table, write_section
from bench.common.tables import number, page_table

_TEMPLATE = Path(__file__).with_name("performance.md")
_SHOWN = {
    "own": "PayLink's own, in the gateway",
    "seen": "seen by the sender, less the provider's",
    "provider": "the provider's (the sandbox)",
}


def write(report: Report) -> None:
    """Write the section."""
    write_section("checkout", _TEMPLATE, results(report))


def results(report: Report) -> Iterator[str]:
    yield "One run:"
    yield ""
    yield from (f"- {name}: {value}" for name, value in report.machine.items())
    yield ""
    yield from page_table(report.verdicts)
    for row in report.rows:
        match row.details:
            case {"runs": runs}:
                yield from _times(runs)
            case {"bare_per_s": bare, "read_per_s": read, "listed_per_s": listed, "listed_ms": ms}:
                yield ""
                yield (
                    f"`GET /v1/tx/{{id}}`: bare {_median(bare)}, PayLink {_median(read)} a second. "
                    f"The first page of `GET /v1/tx`, two at once: {listed:,.0f} a second, "
                    f"p50 {number(ms['p50'])} ms, p99 {number(ms['p99'])} ms."
                )
            case {"functions": functions, "bare_ms": bare_ms}:
                yield from _imports(functions, bare_ms)
    if report.cpu_ms:
        yield ""
        yield "Processor time of each part for one request, in microseconds:"
        yield ""
        yield from cpu_table(report.cpu_ms)


def _times(runs: Sequence[Mapping[str, Mapping[str, float]]]) -> Iterator[str]:
    yield ""
    yield "| time of a checkout, median of the runs | p50 ms | p90 ms | p99 ms | max ms |"
    yield "|---|---|---|---|---|"
    for name, what in _SHOWN.items():
        middle = (statistics.median(run[name][point] for run in runs) for point in ("p50", "p90", "p99", "max"))
        yield f"| {what} | {' | '.join(map(number, middle))} |"


def _imports(functions: Mapping[str, Mapping[str, Any]], bare_ms: float) -> Iterator[str]:
    yield ""
    yield f"Of a cold start the interpreter, with nothing of ours, takes {bare_ms:.1f} ms."
    yield ""
    yield "| cold start of | ms | its dearest imports, in ms |"
    yield "|---|---|---|"
    for function, found in functions.items():
        dearest = ", ".join(f"{name} {ms:.0f}" for name, ms in found["imports_ms"].items())
        yield f"| `{function}` | {found['cpu_ms']:.0f} | {dearest} |"


def _median(values: Sequence[float]) -> str:
    return f"{statistics.median(values):,.0f}"
