"""`./scripts/bench checkout`: whose time is whose, what an import costs, its exit status and its page."""

import json
from pathlib import Path

import pytest

from bench.checkout import document
from bench.checkout.cold import dearest_imports
from bench.checkout.effort import FULL
from bench.checkout.report import Report
from bench.checkout.rows import cold_start, own_time
from bench.checkout.trace import Noted, Times, read_trace, times
from bench.common.document import write_section
from bench.common.generator import Exchange
from bench.common.goals import Row, judge
from bench.common.rules import Void
from paylink_local.template import find_template, load_template

MS = 1_000_000


def test_the_providers_time_is_not_our_own():
    noted = {"bench-7": Noted(read_ns=1 * MS, written_ns=40 * MS, calls=((5 * MS, 15 * MS), (20 * MS, 35 * MS)))}
    [found] = times(noted, [Exchange(number=7, sent_ns=0, answered_ns=42 * MS)])
    assert found == Times(own=14.0, seen=17.0, provider=25.0)


@pytest.mark.parametrize(
    "noted",
    [
        {},
        {"bench-1": Noted(1, 9, ())},
        {"bench-1": Noted(1, 9, ((5, 10),))},
        {"bench-1": Noted(1, 9, ((4, 3),))},
        {"bench-1": Noted(1, 9, ((2, 5), (4, 6)))},
    ],
    ids=["not noted", "no call", "answered during a call", "ended before it began", "overlapping calls"],
)
def test_times_that_cannot_be_void_the_run(noted: dict[str, Noted]):
    with pytest.raises(Void):
        times(noted, [Exchange(1, 0, 20)])


def test_a_trace_is_that_of_all_processes(tmp_path: Path):
    (tmp_path / "11").write_text(json.dumps(["bench-1", 1, 9, [[2, 5]]]) + "\n")
    (tmp_path / "12").write_text(json.dumps(["bench-2", 3, 8, []]) + "\n")
    assert read_trace(tmp_path) == {"bench-1": Noted(1, 9, ((2, 5),)), "bench-2": Noted(3, 8, ())}


TOLD = """import time: self [us] | cumulative | imported package
import time:      2000 |       2000 |     json.decoder
import time:      1000 |       3000 |   json
import time:      7000 |      10000 | chalice.app
import time:       500 |        500 |   paylink.core.errors
import time:      4500 |       5000 | paylink.runtime.http
import time:       100 |        100 | pydantic
"""


def test_imports_are_summed_by_package_the_dearest_first():
    assert dearest_imports(TOLD, count=3) == {"chalice": 7.0, "paylink": 5.0, "standard library": 3.0}


def test_every_function_has_a_goal():
    goals = {
        function.folder: cold_start.goal(function.folder).must for function in load_template(find_template()).functions
    }
    assert (goals.pop("receive_webhook"), goals.pop("create_checkout")) == (90, 180)
    assert set(goals.values()) == {250}


def test_a_full_run_is_as_long_as_is_promised():
    assert FULL.checkout_s >= 60
    assert FULL.starts >= 7
    assert own_time.RATE_PER_S == 50


def row(p99_ms: float) -> Row:
    point = {"p50": 4.0, "p90": 6.0, "p99": p99_ms, "max": 2 * p99_ms}
    runs = [{"own": point, "seen": point, "provider": point}]
    return Row("own_time", (judge(own_time.P50, [4.0]), judge(own_time.P99, [p99_ms])), {"runs": runs})


def test_the_page_has_a_line_for_each_goal_and_each_function():
    functions = {"health": {"cpu_ms": 51.2, "imports_ms": {"chalice": 9.4, "psycopg2": 8.0}}}
    cold = Row("cold_start", (judge(cold_start.goal("health"), [51.2]),), {"functions": functions, "bare_ms": 8.84})
    text = "\n".join(document.results(Report({"cpu": "1 x Test"}, [row(30.0), cold], {"checkout": {"gateway": 2.5}})))
    assert "| own time of a checkout at 50 /s, p99 | <= 25 |  | **30 ms**, missed | 30-30 |" in text
    assert "| PayLink's own, in the gateway | 4 | 6 | 30 | 60 |" in text
    assert "| cold start, health | <= 250 |  | 51.2 ms | 51.2-51.2 |" in text
    assert "| `health` | 51 | chalice 9, psycopg2 8 |" in text
    assert "the interpreter, with nothing of ours, takes 8.8 ms" in text
    assert "| gateway | 2500 |" in text


def test_a_benchmark_writes_its_own_section_and_no_other(tmp_path: Path):
    page, template = tmp_path / "page.md", tmp_path / "template.md"
    page.write_text("# Title\n\n<!-- a -->\nold\n<!-- end of a -->\n\n<!-- b -->\nkept\n<!-- end of b -->\n")
    template.write_text("## A\n\n<!-- results -->\n")
    write_section("a", template, [r"\1 found"], page)
    assert page.read_text() == (
        "# Title\n\n<!-- a -->\n## A\n\n\\1 found\n<!-- end of a -->\n\n<!-- b -->\nkept\n<!-- end of b -->\n"
    )
    with pytest.raises(ValueError, match="0 sections c"):
        write_section("c", template, [], page)
