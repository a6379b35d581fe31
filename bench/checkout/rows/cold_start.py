"""The processor time from a new interpreter to the first answer, of every function of the template."""

import statistics
from typing import Any

from bench.checkout.cold import Start, Starter, dearest_imports
from bench.checkout.cold_cases import Case, cases
from bench.checkout.lab import Lab
from bench.common.goals import Goal, Row, judge
from bench.common.rules import Void
from paylink_local.template import Function, find_template, load_template

NAME = "cold_start"
_MUST_MS = {"receive_webhook": 90.0, "create_checkout": 180.0}
_OTHERS_MUST_MS = 250.0


def goal(function: str) -> Goal:
    return Goal(f"cold start, {function}", "ms", must=_MUST_MS.get(function, _OTHERS_MUST_MS), at_least=False)


def measure(lab: Lab) -> Row:
    template = load_template(find_template())
    starter = Starter(template, lab.paylink.environ, lab.folder)
    # One writes what is compiled, one tells of its imports.
    prepared = cases(lab, lab.effort.starts + 2)
    if missing := {function.folder for function in template.functions} ^ set(prepared):
        raise Void(f"the template and the cases differ in {sorted(missing)}")
    found: dict[str, Any] = {}
    verdicts = []
    for function in template.functions:
        case = prepared[function.folder]
        _start(lab, starter, function, case)
        cpu_ms = [_start(lab, starter, function, case).cpu_ms for _ in range(lab.effort.starts)]
        imports_ms = dearest_imports(_start(lab, starter, function, case, imports=True).told)
        verdicts.append(judge(goal(function.folder), cpu_ms))
        found[function.folder] = {"cpu_ms": statistics.median(cpu_ms), "starts_ms": cpu_ms, "imports_ms": imports_ms}
        lab.say(f"  {function.folder}: {statistics.median(cpu_ms):.0f} ms")
    bare_ms = statistics.median(starter.bare_ms() for _ in range(lab.effort.starts))
    return Row(NAME, tuple(verdicts), {"functions": found, "bare_ms": bare_ms})


def _start(lab: Lab, starter: Starter, function: Function, case: Case, *, imports: bool = False) -> Start:
    """Start it and check the answer, and that what it tells of is stored."""
    event = next(case.events)
    before = _rows(lab, case)
    started = starter.start(function, event, imports=imports)
    if case.status is not None and started.answer["statusCode"] != case.status:
        raise Void(f"{function.folder} answered {started.answer}")
    if case.rows is not None and _rows(lab, case) <= before:
        raise Void(f"{function.folder} stored nothing, and answered {started.answer}")
    return started


def _rows(lab: Lab, case: Case) -> int:
    return int(lab.paylink.row(case.rows)["n"]) if case.rows else 0
