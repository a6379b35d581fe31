"""`./scripts/bench intake`: its exit status, and what its report and document say of what was found."""

from pathlib import Path
from typing import Any

import pytest

import bench.intake.__main__ as command
from bench.common.goals import Goal, Row, judge
from bench.common.tables import number
from bench.intake import document
from bench.intake.effort import FULL, QUICK
from bench.intake.lab import Lab
from bench.intake.report import Report

RATIO = Goal("intake alone, PayLink / bare", "x", must=0.7, aim=1.0)
P99 = Goal("intake latency at half of its peak rate, p99", "ms", must=25, at_least=False)


def row(ratio: float) -> Row:
    rates = {"bare_per_s": [5000.0, 6000.0], "paylink_per_s": [5000.0 * ratio, 6000.0 * ratio]}
    return Row("intake", (judge(RATIO, [ratio, ratio]), judge(P99, [12.5])), rates)


def test_rows_are_measured_in_the_order_in_which_they_need_each_other():
    assert command.parse(["--rows", "recovery,intake,latency"]).rows == ["intake", "latency", "recovery"]
    with pytest.raises(SystemExit):
        command.parse(["--rows", "nothing"])


def test_options_change_the_effort():
    assert command.effort(command.parse([])) == FULL
    assert command.effort(command.parse(["--quick"])) == QUICK
    changed = command.effort(command.parse(["--alternations", "3", "--seconds", "2.5"]))
    assert (changed.alternations, changed.seconds, changed.burst_s) == (3, 2.5, 60)
    assert FULL.alternations >= 9


def report(*rows: Row, **cpu: dict[str, float]) -> Report:
    lab: Any = Lab(None, QUICK, Path())  # type: ignore[arg-type]  # nothing is started
    lab.cpu_ms |= cpu
    return Report({"cpu": "1 x Test"}, list(rows), lab.cpu_ms, lab=lab)


def test_the_document_has_a_line_for_each_goal():
    text = "\n".join(document.results(report(row(0.5))))
    assert "| intake alone, PayLink / bare | >= 0.7 | >= 1 | **0.5 x**, missed | 0.5-0.5 |" in text
    assert "| intake latency at half of its peak rate, p99 | <= 25 |  | 12.5 ms | 12.5-12.5 |" in text
    assert "Intake alone: bare 5,500, PayLink 2,750 events a second." in text


def test_the_document_shows_latency_at_lighter_loads():
    runs = [{"p50": p50, "p90": 9.0, "p99": 20.0} for p50 in (4.0, 5.0, 7.0)]
    details = {"rate_per_s": 3000, "latency_ms": runs, "lighter_loads": {600.0: {"p50": 1.5, "p90": 2.0, "p99": 3.0}}}
    text = "\n".join(document.results(report(Row("latency", (), details))))
    assert "| intake alone | 600 | 1.5 | 2 | 3 |\n| intake alone | 3,000 | 5 | 9 | 20 |" in text


def test_the_document_says_where_the_time_goes():
    text = "\n".join(document.results(report(bare={"bare": 0.16}, intake={"gateway paylink": 0.2, "bare": 0.0})))
    assert "| | bare | intake |\n|---|---|---|\n| bare | 160 | 0 |\n| gateway paylink | 0 | 200 |" in text
    assert "| **sum** | 160 | 200 |" in text


@pytest.mark.parametrize(("figure", "text"), [(0.704, "0.704"), (12.34, "12.3"), (1234.5, "1,234"), (0.0, "0")])
def test_figures_have_three_digits(figure: float, text: str):
    assert number(figure) == text
