"""`./scripts/bench observability`: what counts as a hook, its exit status and its page."""

import threading
from typing import Any

import pytest

from bench.common.goals import Row, judge
from bench.common.report import Report
from bench.observability import document, hooks
from bench.observability.effort import FULL
from bench.observability.hooks import Hooks, count_calls, time_hooks, time_once
from bench.observability.lab import ALL, OFF, TENTH
from bench.observability.rows import off, sampled
from paylink.core.tracing import INTERNAL, Ids, Span, current_span, span
from paylink.runtime.traces import traced_requests
from paylink.services.groups import Groups
from support.stack import REPOSITORY

LAYER = REPOSITORY / "layers" / "paylink" / "paylink"


def test_what_tracing_executes_is_counted_in_every_thread():
    groups: Groups[int, int] = Groups("squares", lambda items, within_s: list(items), size_max=8, by_caller=False)
    elsewhere = threading.Event()

    def warm_up() -> None:
        groups.submit(1, within_s=5).result(5)

    def work() -> None:
        # Two look-ups of its own, one in a block, one when something is asked for; and a decision.
        current_span()
        current_span()
        with span("block"):
            pass
        traced_requests(lambda event, context: None)({}, None)
        assert groups.submit(2, within_s=5).result(5) == 2
        elsewhere.set()

    found = count_calls(warm_up, work)
    assert set(found) == set(Hooks._fields)
    assert found["look_up"] == 3
    assert (found["block"], found["decision"]) == (1, 1)
    # The group's thread does the work, and keeps its promise.
    assert found["frame"] == 2


def test_functions_that_are_counted_are_there():
    """One that is renamed would be left out of the sum."""
    for file, name in hooks._FRAMES:
        assert f"def {name}(" in (LAYER / file).read_text(), (file, name)


def test_every_kind_is_timed():
    times = time_hooks(2000)
    assert set(times) == set(Hooks._fields)
    assert all(-20 < ns < 5000 for ns in times.values()), times
    assert 0 < time_once(dict.fromkeys(Hooks._fields, 2.0), empty=False)() < 1_000_000


def test_hooks_are_timed_only_where_nothing_is_traced():
    root = Span(Ids(1, 2), lambda span: None, "root", INTERNAL, {}, None)
    with root, pytest.raises(AssertionError):
        time_once({"look_up": 1.0}, empty=False)()
    with root:
        time_once({"look_up": 1.0}, empty=True)()


def test_a_full_run_is_judged_by_the_goals_that_are_promised():
    assert {goal.must for goal in off.GOALS.values()} == {5}
    assert {goal.must for goal in sampled.GOALS.values()} == {60}
    assert FULL.alternations >= 21


def row(cost_us: float) -> Row:
    counts = {kind: dict.fromkeys(Hooks._fields, 2.0) for kind in ("webhook", "checkout")}
    times = [dict.fromkeys(Hooks._fields, 50.0)]
    verdicts = (judge(off.GOALS["webhook"], [cost_us]),)
    return Row("off", verdicts, {"hooks": counts, "once_ns": {}, "hook_ns": times})


def test_the_page_has_every_figure():
    one: dict[str, Any] = {"cpu_us": 500.0, "wall_us": 900.0}
    more = {"cpu_us": 520.0, "wall_us": 900.0, "spans": 17.0, "dropped": 0}
    found = {OFF: [one, one], TENTH: [more, more], ALL: [more | {"cpu_us": 700.0}] * 2}
    rows = [row(5.1), Row("sampled", (judge(sampled.GOALS["checkout"], [20.0]),), {"checkout": found})]
    text = "\n".join(document.results(Report({"cpu": "1 x Test"}, rows)))
    assert "| <= 5 |  | **5.1 us**, missed | 5.1-5.1 |" in text
    assert "| a block that would be a span | 50 | 2 | 2 |" in text
    assert "| together, in a loop | | 0.50 us | 0.50 us |" in text
    assert "| checkout | 500 us | +20 us (20-20) | +200 us (200-200) | 17 |" in text
