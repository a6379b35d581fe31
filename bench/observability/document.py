"""Writes the section of docs/performance.md about tracing: how it is measured, and what this run found."""

import statistics
from collections.abc import Iterator
from pathlib import Path

from bench.common.document import write_section
from bench.common.report import Report
from bench.common.summary import spread
from bench.common.tables import number, page_table
from bench.observability.lab import ALL, OFF, TENTH
from bench.observability.rows.off import in_a_loop_us
from bench.observability.rows.sampled import Runs, more

_TEMPLATE = Path(__file__).with_name("performance.md")
_HOOKS = {
    "look_up": "looking up the current span",
    "block": "a block that would be a span",
    "frame": "a call of a function that is there for tracing alone",
    "decision": "whether the request is sampled",
    "tracer": "asking for the tracer",
}


def write(report: Report) -> None:
    """Write the section."""
    write_section("observability", _TEMPLATE, results(report))


def results(report: Report) -> Iterator[str]:
    yield "One run:"
    yield ""
    yield from (f"- {name}: {value}" for name, value in report.machine.items() if name not in ("load generator"))
    yield ""
    yield from page_table(report.verdicts)
    for row in report.rows:
        yield ""
        if row.name == "off":
            yield "| where nothing is traced | ns, in a loop | times in a webhook | times in a checkout |"
            yield "|---|---|---|---|"
            counts, times = row.details["hooks"], row.details["hook_ns"]
            for hook, what in _HOOKS.items():
                ns = statistics.median(of_round[hook] for of_round in times)
                often = " | ".join(f"{counts[kind][hook]:g}" for kind in ("webhook", "checkout"))
                yield f"| {what} | {number(ns)} | {often} |"
            together = (f"{in_a_loop_us(counts[kind], times):.2f} us" for kind in ("webhook", "checkout"))
            yield f"| together, in a loop | | {' | '.join(together)} |"
        else:
            yield "| processor time for a request | off | more at 10 % | more at 100 % | spans at 100 % |"
            yield "|---|---|---|---|---|"
            for kind, found in row.details.items():
                without = statistics.median(run["cpu_us"] for run in found[OFF])
                spans = statistics.mean(run["spans"] for run in found[ALL])
                yield f"| {kind} | {number(without)} us | {_more(found, TENTH)} | {_more(found, ALL)} | {spans:.0f} |"


def _more(found: Runs, mode: str) -> str:
    figure = spread(more(found, mode))
    return f"{figure.median:+.0f} us ({figure.low:.0f}-{figure.high:.0f})"
