"""`./scripts/chaos`: what it lists, when it fails, and what it writes."""

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

import chaos.__main__ as command
from chaos import clock, report
from chaos.audit import Audit
from chaos.bounds import RESTARTED, provider_gone
from chaos.matrix import matrix
from chaos.stack import StackFailed
from chaos.trial import Effort, Fault, Outcome

MATRIX = matrix(30)
# The fault matrix of the issue that asked for it.
WANTED = (
    *("postgres-restart", "postgres-down", "postgres-frozen", "postgres-disk-full", "valkey-down", "valkey-flush"),
    *("localstack-kill", "worker-kill", "gateway-process-kill", "gateway-kill"),
    *("provider-errors", "provider-slow", "provider-down", "clock-ahead", "clock-behind", "all-knobs"),
)


def outcome(name: str, **changes: object) -> Outcome:
    good = {
        "fault": name,
        "lasted_s": 30.0,
        "audit": Audit(accepted=120, applied=110, ignored=2, lost={}, doubled={}),
        "refused": 7,
        "slowest_s": 2.04,
        "first_s": 1.25,
        "drained_s": 12.5,
        "reconciled": 3,
        "broken": [],
        "notes": [],
    }
    return Outcome(**(good | changes))


@pytest.fixture
def document(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(command, "DOCUMENT", tmp_path / "reliability.md")
    return tmp_path / "reliability.md"


def give(monkeypatch: pytest.MonkeyPatch, **outcomes: object) -> None:
    """Have each trial end well, or as it is told here by its name with underscores."""

    def run(fault: Fault, effort: Effort) -> Outcome:
        told = outcomes.get(fault.name.replace("-", "_"), outcome(fault.name))
        if isinstance(told, Exception):
            raise told
        return told

    monkeypatch.setattr(command, "run", run)


def test_the_matrix_holds_every_fault_once():
    names = [fault.name for fault in MATRIX]
    assert set(WANTED) <= set(names)
    assert len(names) == len(set(names))


def test_the_list_names_each_with_what_it_breaks(capsys: pytest.CaptureFixture[str]):
    assert command.main(["--list"]) == 0
    told = capsys.readouterr().out
    assert all(fault.name in told and fault.what in told for fault in MATRIX)


def test_a_good_run_ends_with_0_and_writes_the_page(monkeypatch, document, capsys):
    give(monkeypatch)
    monkeypatch.setattr("chaos.disk.os.geteuid", lambda: 1000)
    assert command.main(["--write-docs"]) == 0
    page = document.read_text()
    assert "| the worker is killed | 30 s | 120 | 7 | 2.0 s | 110 | 0 | 0 | 1.2 s | 12.5 s | 3 |" in page
    assert "- Not tried here: Postgres' disk is full (a small disk" in page
    assert "`./scripts/chaos --write-docs` wrote this page" in page
    assert "worker-kill" in capsys.readouterr().out


@pytest.mark.parametrize(
    "bad",
    [
        outcome("worker-kill", broken=["lost: 2xx without its row (1)"]),
        StackFailed("not healthy after 90 s: postgres"),
    ],
    ids=["something lost", "no recovery"],
)
def test_a_bad_one_ends_with_1_and_writes_nothing(monkeypatch, document, capsys, bad):
    give(monkeypatch, worker_kill=bad)
    assert command.main(["--write-docs"]) == 1
    assert not document.exists()
    assert capsys.readouterr().out.endswith("Broken: worker-kill.\n")


def test_only_some_are_tried_on_request(monkeypatch, capsys):
    give(monkeypatch)
    assert command.main(["--only", "none", "--only", "gateway-kill"]) == 0
    rows = capsys.readouterr().out.splitlines()[1:3]
    assert [row.split()[0] for row in rows] == ["none", "gateway-kill"]


def test_figures_of_some_are_no_page():
    with pytest.raises(SystemExit):
        command.parse(["--only", "none", "--write-docs"])


def test_what_the_buyers_could_not_do_is_told(monkeypatch, document, capsys):
    give(monkeypatch, gateway_kill=outcome("gateway-kill", notes=["POST /v1/checkout answered 422 some-problem"] * 3))
    assert command.main(["--write-docs"]) == 0
    told = "not done, 3 times: POST /v1/checkout answered 422 some-problem"
    assert f"  {told}\n" in capsys.readouterr().out
    assert f"- While the whole gateway is killed: {told}.\n" in document.read_text()


def test_a_recovery_that_takes_too_long_is_told():
    assert RESTARTED.missed(RESTARTED.first_s, RESTARTED.drained_s) == []
    assert RESTARTED.missed(RESTARTED.first_s + 1, 0) == ["first event applied after 6.0 s, not 5 s"]
    assert RESTARTED.missed(None, RESTARTED.drained_s + 1) == [
        "nothing that came after the fault was applied",
        f"backlog done after {RESTARTED.drained_s + 1:.1f} s, not {RESTARTED.drained_s:g} s",
    ]


def test_a_provider_that_was_away_longer_may_be_asked_later():
    assert provider_gone(6).drained_s < provider_gone(60).drained_s


def test_a_line_of_the_table_is_as_wide_as_its_head():
    assert len(report.line(outcome("none"))) == len(report.header())


@pytest.mark.skipif(clock.cannot_skew() is not None, reason="no other clock on this machine")
@pytest.mark.parametrize("skew_s", [600, -600])
def test_another_clock_moves_the_time_of_day_and_nothing_else(tmp_path: Path, skew_s: int):
    library = clock.build(tmp_path)
    program = "import json, time, datetime as d; t = d.datetime.now(d.UTC).timestamp(); "
    program += "print(json.dumps([time.time(), t, time.monotonic()]))"
    environ = {"LD_PRELOAD": str(library), "CHAOS_CLOCK_SKEW_S": str(skew_s)}
    done = subprocess.run([sys.executable, "-c", program], env=environ, capture_output=True, check=True)
    of_day, of_datetime, monotonic = json.loads(done.stdout)
    assert of_day - time.time() == pytest.approx(skew_s, abs=30)
    assert of_datetime == pytest.approx(of_day, abs=1)
    assert monotonic == pytest.approx(time.monotonic(), abs=30)
