"""`./scripts/bench crypto`: its contenders do the same work, and its report says what was found."""

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

import bench.crypto.__main__ as command
from bench.crypto import cases, floor
from bench.crypto.comparison import OURS, Comparison, Outcome
from bench.crypto.report import Report, three_digits, time_text
from bench.crypto.tail import STANDARD, Tail
from support.stack import REPOSITORY

COMPARISONS = list(cases.all_comparisons())
# What a forger would change, by the name under which a comparison's contenders find it.
SIGNED = ("tag", "signature", "header", "received", "headers", "stored", "checks")


def flipped(value: Any) -> Any:
    """The same with another last character or byte."""
    match value:
        case bytes():
            return value[:-1] + bytes([value[-1] ^ 1])
        case str():
            return value[:-1] + ("0" if value[-1] != "0" else "1")
        case tuple():
            return (*value[:-1], flipped(value[-1]))
        case list():
            return [*value[:-1], flipped(value[-1])]
        case dict():
            # Base64 ends in padding, and before it in bits that a lax decoder passes over.
            text = value["webhook-signature"]
            return value | {"webhook-signature": text[:10] + ("A" if text[10] != "A" else "B") + text[11:]}
    raise TypeError(value)


def accepts(statement: str, scope: Mapping[str, Any]) -> bool:
    """Whether the last expression of `statement` is neither False nor an exception."""
    before, _, last = f"\n{statement}".replace("; ", "\n").rpartition("\n")
    indent = last[: len(last) - len(last.lstrip())]
    found: dict[str, Any] = dict(scope) | {"outcome": []}
    try:
        exec(f"{before}\n{indent}outcome.append({last.strip()})", found)
    except Exception:
        return False
    # A batch gives one outcome for each check, None for those that hold.
    outcomes = [item for value in found["outcome"] for item in (value if isinstance(value, list) else [value])]
    return all(item in (None, True) or (item == 0 and item is not False) for item in outcomes)


CONTENDERS = [
    pytest.param(compared.scope, statement, id=f"{compared.what}: {name}")
    for compared in COMPARISONS
    for name, statement in compared.statements.items()
]


@pytest.mark.parametrize(("scope", "statement"), CONTENDERS)
def test_a_contender_accepts_what_is_right_and_refuses_what_is_forged(scope: Mapping[str, Any], statement: str):
    assert accepts(statement, scope)
    forged = {name: flipped(value) for name, value in scope.items() if name in SIGNED}
    assert forged
    assert not accepts(statement, dict(scope) | forged)


def report(ours_s: float = 1e-7) -> Report:
    """One of a single comparison at 64 B whose floor is 120 ns, with the standard library at 1 us."""
    compared = Comparison("verify 64 B", {"stdlib": "b()", OURS: "a()"}, {}, goal=1, at_least=8, message_bytes=64)
    samples = {
        OURS: [ours_s] * 3,
        "stdlib": [1e-6] * 3,
        floor.SHORT: [1e-6] * 3,
        floor.LONG: [1e-6 + 1792 * 40e-9] * 3,
    }
    tails = {name: Tail(name, [[1.0] * 99 + [longest]] * 2) for name, longest in ((OURS, 2.0), (STANDARD, 5000.0))}
    return Report({"cpu": "1 x Test"}, [Outcome(compared, samples)], tails)


def test_the_json_holds_every_figure_with_its_verdict():
    found = json.loads(json.dumps(report().as_json()))
    assert found["machine"] == {"cpu": "1 x Test"}
    assert [(goal["goal"], goal["met"]) for goal in found["goals"]] == [(1, True), (2, True), (5, True)]
    assert found["goals"][0]["figure"] == pytest.approx({"median": 10, "low": 10, "high": 10})
    [compared] = found["comparisons"]
    assert compared["time_ns"]["stdlib"]["median"] == pytest.approx(1000)
    assert compared["times_faster_than"]["stdlib"]["median"] == pytest.approx(10)
    assert (compared["block_ns"]["median"], compared["floor_ns"]) == (pytest.approx(40), pytest.approx(120))
    assert found["busy_thread_us"][STANDARD] == {"p50": 1, "p99": 1, "max": 5000}


def test_the_text_marks_what_was_missed():
    text = report(ours_s=2e-7).text()
    assert [line.split()[0] for line in text.splitlines() if line.endswith("MISSED")] == ["1", "2"]
    assert "MISSED" not in report().text()
    assert "40.0 ns a block" in text


def test_the_conclusion_names_each_missed_goal():
    said = command.conclusion(report(ours_s=2e-7), quick=False)
    assert said == "Missed: goal 1 (verify 64 B against stdlib); goal 2 (verify 64 B over the floor)."
    assert command.conclusion(report(), quick=False) == "Every goal is met."


@pytest.mark.parametrize(
    ("nanoseconds", "text"),
    [(42.4, "42 ns"), (999, "999 ns"), (1234, "1.23 us"), (45_678, "45.7 us"), (2e6, "2.00 ms")],
)
def test_times_have_three_digits_at_most(nanoseconds: float, text: str):
    assert time_text(nanoseconds) == text


@pytest.mark.parametrize(("figure", "text"), [(0.994, "0.99"), (-3.5, "-3.50"), (10, "10.0"), (754.5, "754")])
def test_ratios_have_three_digits(figure: float, text: str):
    assert three_digits(figure) == text


def test_every_size_of_the_plot_is_measured_once(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(command, "all_comparisons", lambda: iter([cases.verify(64), cases.token()]))
    sizes = [compared.message_bytes for compared in command.chosen_comparisons(plotted=True)]
    assert sizes == [64, None, *command.PLOTTED_BYTES[1:]]
    assert len(list(command.chosen_comparisons(plotted=False))) == 2


def test_the_plot_of_the_documents_is_a_small_picture():
    picture = (REPOSITORY / "docs" / "images" / "crypto-speed.png").read_bytes()
    assert picture.startswith(b"\x89PNG")
    assert len(picture) < 150_000


def test_a_missed_goal_is_the_exit_status(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """Unless the run was a quick one; the JSON is written either way."""
    hopeless = Comparison("sum", {"x": "sum(range(10))", OURS: "sum(range(1000))"}, {}, goal=1, at_least=2.0)
    monkeypatch.setattr(command, "all_comparisons", lambda: iter([hopeless]))
    monkeypatch.setattr(command, "measure_tails", lambda blocks: {})
    monkeypatch.setattr(command, "FULL", command.QUICK)
    assert command.main(["--json", str(tmp_path / "found.json")]) == 1
    assert json.loads((tmp_path / "found.json").read_text())["goals"][0]["met"] is False
    assert command.main(["--quick"]) == 0


def test_the_command_lists_what_can_be_measured_and_refuses_the_rest():
    listed = subprocess.run([REPOSITORY / "scripts" / "bench"], capture_output=True, text=True, check=True)
    assert "  crypto " in listed.stdout
    for name in ("nothing", "../bench/crypto", "crypto/../crypto"):
        refused = subprocess.run([REPOSITORY / "scripts" / "bench", name], capture_output=True, text=True, check=False)
        assert (refused.returncode, refused.stdout) == (1, "")
        assert f"no benchmark '{name}'" in refused.stderr
