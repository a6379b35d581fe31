"""`./scripts/bench intake`: its exit status, and what its report and document say of what was found."""

import contextlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import bench.intake.__main__ as command
from bench.common.goals import Goal, Row, judge
from bench.common.rules import Void
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


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """Run the command with one row that gives this, or raises it; nothing is started."""

    def with_row(found: Row | Void, *arguments: str) -> int:
        def measure(lab: Lab) -> Row:
            if isinstance(found, Void):
                raise found
            return found

        monkeypatch.setattr(command, "ROWS", {"intake": measure})
        monkeypatch.setattr(command, "running_stack", lambda: contextlib.nullcontext(None))
        monkeypatch.setattr(command, "describe", lambda side: {"cpu": "1 x Test"})
        monkeypatch.setattr(Lab, "paylink", None)
        return command.main(arguments)

    return with_row


def test_a_run_that_meets_every_goal_ends_with_0(run: Callable[..., int]):
    assert run(row(0.7)) == 0


def test_a_missed_goal_ends_with_1(run: Callable[..., int]):
    assert run(row(0.69)) == 1


def test_a_missed_aim_is_no_missed_goal(run: Callable[..., int], capsys: pytest.CaptureFixture[str]):
    assert run(row(0.9)) == 0
    [found] = json.loads(capsys.readouterr().out)["rows"]
    assert [(v["passed"], v["reached_aim"]) for v in found["verdicts"]] == [(True, False), (True, None)]


def test_a_quick_run_misses_nothing(run: Callable[..., int]):
    assert run(row(0.1), "--quick") == 0


def test_a_void_run_ends_with_3_and_gives_no_figures(run: Callable[..., int], capsys: pytest.CaptureFixture[str]):
    assert run(Void("one event was lost"), "--quick") == 3
    said = capsys.readouterr()
    assert said.out == ""
    assert "void: one event was lost" in said.err


def test_the_json_is_on_standard_output_and_in_the_file(
    run: Callable[..., int], capsys: pytest.CaptureFixture[str], tmp_path: Path
):
    run(row(0.8), "--json", str(tmp_path / "found.json"))
    said = json.loads(capsys.readouterr().out)
    assert said == json.loads((tmp_path / "found.json").read_text())
    assert said["machine"] == {"cpu": "1 x Test"}
    assert said["rows"][0]["verdicts"][0]["figure"] == {"median": 0.8, "low": 0.8, "high": 0.8}


def test_the_text_marks_what_was_missed(run: Callable[..., int], capsys: pytest.CaptureFixture[str]):
    run(row(0.5))
    lines = [line for line in capsys.readouterr().err.splitlines() if line.endswith("MISSED")]
    assert [line.split("  ")[0] for line in lines] == [RATIO.what]


def test_rows_are_measured_in_the_order_in_which_they_need_each_other():
    assert command.names("recovery,intake,latency") == ["intake", "latency", "recovery"]
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
    return Report({"cpu": "1 x Test"}, list(rows), lab)


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
