"""A run of a schedule that hangs is known to have failed, though it may never end."""

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from paylink.core.metrics import FAILED, FUNCTION_DURATION, Metric
from paylink.runtime.process_metrics import use_metrics
from paylink_local.functions import load_function
from paylink_local.template import Template
from paylink_local.worker.schedules import Plan

SOURCE = """
import threading

RELEASE = threading.Event()

def handler(event, context):
    RELEASE.wait(30)
"""
PROPERTIES = """
Timeout: 1
Events:
  Often: {Type: ScheduleV2, Properties: {ScheduleExpression: rate(1 minute), Input: '{}'}}
"""


class Observed:
    def __init__(self) -> None:
        self.values: list[tuple[Metric, float, tuple[str, ...]]] = []
        self.came = threading.Event()

    def count(self, metric: Metric, *labels: str) -> None: ...

    def observe(self, metric: Metric, value: float, *labels: str) -> None:
        self.values.append((metric, value, labels))
        self.came.set()


@pytest.fixture
def observed() -> Iterator[Observed]:
    metrics = Observed()
    use_metrics(metrics)
    yield metrics
    use_metrics(None)


def test_it_is_counted_when_its_time_is_over(
    observed: Observed, read_function: Callable[[str], Template], tmp_path: Path
) -> None:
    template = read_function(PROPERTIES)
    (tmp_path / "functions" / "shop" / "app.py").write_text(SOURCE)
    function: Any = load_function(template.functions[0])
    plan = Plan(template.functions[0].schedules[0], function, 60)
    plan.start_run()
    assert observed.came.wait(10)
    [(metric, took_s, labels)] = observed.values
    assert (metric, labels) == (FUNCTION_DURATION, ("shop", FAILED))
    assert 1 <= took_s < 10
    assert not plan.join(0)
    function.handler.__globals__["RELEASE"].set()
    assert plan.join(time.monotonic() + 10)
    assert len(observed.values) == 1
