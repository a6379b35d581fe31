"""Writes docs/performance.md: how it is measured, and what this run found."""

import statistics
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from bench.intake.generator import REPOSITORY
from bench.intake.goals import Verdict
from bench.intake.plot import draw
from bench.intake.report import Report, bound, number

DOCUMENT = REPOSITORY / "docs" / "performance.md"
PICTURE = REPOSITORY / "docs" / "images" / "intake-speed.png"
_TEMPLATE = Path(__file__).with_name("performance.md")
_RESULTS = "<!-- results -->"


def write(report: Report) -> None:
    """Write the document and its picture."""
    draw(report, PICTURE)
    text = _TEMPLATE.read_text(encoding="utf-8").replace(_RESULTS, "\n".join(results(report)))
    DOCUMENT.write_text(text, encoding="utf-8")


def results(report: Report) -> Iterator[str]:
    yield "One run:"
    yield ""
    yield from (f"- {name}: {value}" for name, value in report.machine.items())
    yield ""
    yield "| | must | aim | found | quartiles |"
    yield "|---|---|---|---|---|"
    yield from (_table_line(verdict) for verdict in report.verdicts)
    yield ""
    yield f"![Throughput by alternation, latency by share of the events, and a burst](images/{PICTURE.name})"
    yield from _rates(report)
    yield from _latencies(report)
    if report.lab.cpu_ms:
        yield from _cpu(report.lab.cpu_ms)


def _table_line(verdict: Verdict) -> str:
    goal, figure = verdict.goal, verdict.figure
    aim = "" if goal.aim is None else bound(verdict, goal.aim)
    found = f"{number(figure.median)} {goal.unit}".strip()
    mark = found if verdict.passed else f"**{found}**, missed"
    return (
        f"| {goal.what} | {bound(verdict, goal.must)} | {aim} | {mark} | {number(figure.low)}-{number(figure.high)} |"
    )


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
    """The table of processor time, a column for each kind of run; what idles is left out."""
    parts = sorted({part for times in used.values() for part, ms in times.items() if ms >= 0.001})
    yield ""
    yield "## Where the time goes"
    yield ""
    yield (
        "Processor time of each part for one event, in microseconds, in the last run of its kind; a part is a service "
        "with all its processes. *Paced* is half of the peak, or of the steady rate."
    )
    yield ""
    yield f"| | {' | '.join(used)} |"
    yield "|---" * (1 + len(used)) + "|"
    for part in parts:
        yield f"| {part} | {' | '.join(f'{1000 * times.get(part, 0):.0f}' for times in used.values())} |"
    yield f"| **sum** | {' | '.join(f'{1000 * sum(times.values()):.0f}' for times in used.values())} |"
