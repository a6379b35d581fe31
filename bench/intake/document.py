"""Writes the webhooks' section of docs/performance.md: how it is measured, and what this run found."""

import statistics
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from bench.common.document import cpu_table, write_section
from bench.common.generator import REPOSITORY
from bench.common.tables import number, page_table
from bench.intake.plot import draw
from bench.intake.report import Report

PICTURE = REPOSITORY / "docs" / "images" / "intake-speed.png"
_TEMPLATE = Path(__file__).with_name("performance.md")


def write(report: Report) -> None:
    """Write the section and its picture."""
    draw(report, PICTURE)
    write_section("intake", _TEMPLATE, results(report))


def results(report: Report) -> Iterator[str]:
    yield "One run:"
    yield ""
    yield from (f"- {name}: {value}" for name, value in report.machine.items())
    yield ""
    yield from page_table(report.verdicts)
    yield ""
    yield f"![Throughput by alternation, latency by share of the events, and a burst](images/{PICTURE.name})"
    yield from _rates(report)
    yield from _latencies(report)
    if report.cpu_ms:
        yield from _cpu(report.cpu_ms)


def _rates(report: Report) -> Iterator[str]:
    yield ""
    for row in report.rows:
        match row.details:
            case {"bare_per_s": bare, "paylink_per_s": paylink}:
                yield f"Intake alone: bare {_median(bare)}, PayLink {_median(paylink)} events a second."
            case {"bare_per_s": bare, "applied_per_s": applied}:
                yield f"Whole pipeline: bare {_median(bare)}, PayLink {_median(applied)} events a second."
            case {"drained_after_s": seconds, "accepted": accepted, "backlog": backlog}:
                yield (
                    f"The burst: {accepted:,} events accepted, {backlog:,} of them not applied yet at its end, "
                    f"all applied {seconds:.1f} s later."
                )
            case {"rss_mb": resident, "pss_mb": proportional}:
                yield f"One api process: {resident:.0f} MB resident, {proportional:.0f} MB with shared pages divided."
            case {"bytes": size, "events": events, "transactions": transactions}:
                yield f"Stored: {events:,} events and {transactions:,} transactions, {size / 1e9:.1f} GB."


def _latencies(report: Report) -> Iterator[str]:
    """What the load does to latency: the judged runs are the last lines of each."""
    yield ""
    yield "| | events a second | p50 ms | p90 ms | p99 ms |"
    yield "|---|---|---|---|---|"
    for row in report.rows:
        match row.details:
            case {"lighter_loads": lighter, "rate_per_s": half, "latency_ms": runs}:
                yield from _latency_lines("intake alone", lighter, half, runs)
            case {"lighter_loads": lighter, "rate_per_s": half, "delay_ms": runs}:
                yield from _latency_lines("accepted to applied", lighter, half, runs)


def _latency_lines(
    what: str, lighter: Mapping[float, Mapping[str, float]], half: float, runs: Sequence[Mapping[str, float]]
) -> Iterator[str]:
    middle = {name: statistics.median(run[name] for run in runs) for name in runs[0]}
    for rate, found in {**lighter, half: middle}.items():
        yield f"| {what} | {rate:,.0f} | " + " | ".join(number(found[name]) for name in ("p50", "p90", "p99")) + " |"


def _median(values: list[float]) -> str:
    return f"{statistics.median(values):,.0f}"


def _cpu(used: Mapping[str, Mapping[str, float]]) -> Iterator[str]:
    yield ""
    yield "### Where the time goes"
    yield ""
    yield (
        "Processor time of each part for one event, in microseconds, in the last run of its kind; a part is a service "
        "with all its processes. *Paced* is half of the peak, or of the steady rate."
    )
    yield ""
    yield from cpu_table(used)
