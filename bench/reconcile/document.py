"""Writes the runs' section of docs/performance.md: how it is measured, and what this run found."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.common.document import cpu_table, write_section
from bench.common.goals import ratios
from bench.common.report import Report
from bench.common.summary import spread
from bench.common.tables import number, page_table

_TEMPLATE = Path(__file__).with_name("performance.md")


def write(report: Report) -> None:
    """Write the section."""
    write_section("reconcile", _TEMPLATE, results(report))


def results(report: Report) -> Iterator[str]:
    yield "One run:"
    yield ""
    yield from (f"- {name}: {value}" for name, value in report.machine.items())
    yield ""
    yield from page_table(report.verdicts)
    for row in report.rows:
        match row.details:
            case {"runs_per_s": runs, "fetches_per_s": fetches, "changed_runs_per_s": changed}:
                yield ""
                yield f"Status pull: {_middle(runs)} transactions a second, the fetches alone {_middle(fetches)}."
                few = ratios(changed, row.details["changed_fetches_per_s"])
                yield (
                    f"Where 5 % were paid unheard, and were written and noted: {_middle(changed)} a second, "
                    f"{number(spread(few).median)} times the fetches alone "
                    f"(quartiles {number(spread(few).low)}-{number(spread(few).high)})."
                )
            case {"stored": stored, "without_sample_ms": alone}:
                yield ""
                yield f"Choosing among {stored:,} stored ones without a sample: {number(spread(alone).median)} ms."
            case {"pulling": pulling, "matching": matching}:
                yield from _memory("status pull, transactions", pulling)
                yield from _memory("matching, lines", matching)
    if report.cpu_ms:
        yield ""
        yield "Processor time of each part for one transaction, in microseconds:"
        yield ""
        yield from cpu_table(report.cpu_ms)


def _memory(what: str, found: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    yield ""
    yield f"| {what} | done | seconds | most MB | half way MB | at the end MB |"
    yield "|---|---|---|---|---|---|"
    for one in found:
        sizes = " | ".join(f"{one[name]:.0f}" for name in ("seconds", "peak_mb", "half_way_mb", "at_the_end_mb"))
        yield f"| {one['selected']:,} | {one['checked']:,} | {sizes} |"


def _middle(per_s: Sequence[float]) -> str:
    return f"{spread(per_s).median:,.0f}"
