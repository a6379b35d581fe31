"""What `./scripts/bench NAME` does with what it measures: its exit status, its output, its files."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bench.common import command
from bench.common.goals import Goal, Row, judge
from bench.common.report import Report
from bench.common.rules import Void

RATIO = Goal("intake alone, PayLink / bare", "x", must=0.7, aim=1.0)
P99 = Goal("intake latency at half of its peak rate, p99", "ms", must=25, at_least=False)


class Lab:
    """A room with nothing in it."""

    paylink: Any = None

    def __init__(self) -> None:
        self.said: list[str] = []

    def say(self, line: str) -> None:
        self.said.append(line)


def row(ratio: float) -> Row:
    return Row("intake", (judge(RATIO, [ratio, ratio]), judge(P99, [12.5])))


@pytest.fixture
def lab(monkeypatch: pytest.MonkeyPatch) -> Lab:
    monkeypatch.setattr(command, "describe", lambda side: {"cpu": "1 x Test"})
    return Lab()


@pytest.fixture
def run(lab: Lab) -> Callable[..., int]:
    """Run the command with one row that gives this, or raises it."""

    def with_row(found: Row | Void, *arguments: str, write: Callable[[Report], None] = lambda report: None) -> int:
        def measure(lab: Lab) -> Row:
            if isinstance(found, Void):
                raise found
            return found

        options = command.parser("intake", None, ["intake"]).parse_args(arguments)
        return command.run(options, {"intake": measure}, lab, Report, write)

    return with_row


def test_a_run_that_meets_every_goal_ends_with_0(run: Callable[..., int]):
    assert run(row(0.7)) == 0


def test_a_missed_goal_ends_with_1_and_is_marked(run: Callable[..., int], lab: Lab):
    assert run(row(0.69)) == 1
    [missed] = [line for line in lab.said[-1].splitlines() if line.endswith("MISSED")]
    assert missed.startswith(f"{RATIO.what}  ")


def test_a_missed_aim_is_no_missed_goal(run: Callable[..., int], capsys: pytest.CaptureFixture[str]):
    assert run(row(0.9)) == 0
    [found] = json.loads(capsys.readouterr().out)["rows"]
    assert [(v["passed"], v["reached_aim"]) for v in found["verdicts"]] == [(True, False), (True, None)]


def test_a_quick_run_misses_nothing(run: Callable[..., int]):
    assert run(row(0.1), "--quick") == 0


def test_a_void_run_ends_with_3_and_gives_no_figures(
    run: Callable[..., int], lab: Lab, capsys: pytest.CaptureFixture[str]
):
    written: list[Report] = []
    assert run(Void("one event was lost"), "--quick", "--write-docs", write=written.append) == 3
    assert capsys.readouterr().out == ""
    assert (lab.said[-1], written) == ("void: one event was lost", [])


def test_the_json_is_on_standard_output_and_in_the_file(
    run: Callable[..., int], capsys: pytest.CaptureFixture[str], tmp_path: Path
):
    run(row(0.8), "--json", str(tmp_path / "found.json"))
    said = json.loads(capsys.readouterr().out)
    assert said == json.loads((tmp_path / "found.json").read_text())
    assert said["machine"] == {"cpu": "1 x Test"}
    assert said["rows"][0]["verdicts"][0]["figure"] == {"median": 0.8, "low": 0.8, "high": 0.8}


def test_the_page_is_written_when_it_is_asked_for(run: Callable[..., int]):
    written: list[Report] = []
    run(row(0.8), write=written.append)
    assert written == []
    run(row(0.8), "--write-docs", write=written.append)
    assert [report.rows for report in written] == [[row(0.8)]]
