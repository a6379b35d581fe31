"""
Figures for CloudWatch, as lines of the log: at most one per invocation.

Source: "Specification: Embedded metric format", Amazon CloudWatch user guide.
"""

import json
import os
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from paylink.core.metrics import DISCREPANCIES_DRIFT, IMBALANCE, Metric, Sample, told_name

NAMESPACE = os.environ.get("PAYLINK_METRICS_NAMESPACE") or "PayLink"
"""The stack's name, as template.yaml gives it: two stacks of an account do not add up."""

VALUES_MAX = 100
"""CloudWatch takes no more of one figure in a line: of more than these, so many are told, evenly taken."""

ALARMED = (IMBALANCE, DISCREPANCIES_DRIFT)
"""Told without their labels as well, of which an alarm of CloudWatch can ask for the largest and the smallest value."""

SETS_MAX = 500
"""Sets of labels that wait for a line. What comes when there are so many is not counted."""


class EmfLines:
    """
    Gathers what is counted until the invocation's end. Safe as Lambda runs it: one invocation at a time.

    A dimension has one value in a line. A set of labels that contradicts those before it, such as the call of a second
    provider, waits for the next invocation's line; what waits when the process ends is lost.
    """

    def __init__(self, write: Callable[[str], object] | None = None, now: Callable[[], float] = time.time) -> None:
        self._write = write or sys.stdout.write
        self._now = now
        self._gathered: dict[tuple[Metric, tuple[str, ...]], list[float]] = {}

    def count(self, metric: Metric, *labels: str) -> None:
        self.observe(metric, 1.0, *labels)

    def observe(self, metric: Metric, value: float, *labels: str) -> None:
        if len(self._gathered) < SETS_MAX or (metric, labels) in self._gathered:
            self._gathered.setdefault((metric, labels), []).append(value)

    def write_line(self) -> None:
        """Write what fits into one line, the oldest first; nothing when nothing was counted."""
        told: dict[tuple[Metric, tuple[str, ...]], list[float]] = {}
        dimensions: dict[str, str] = {}
        for key in self._gathered:
            own = dict(zip(key[0].labels, key[1], strict=True))
            if all(dimensions.get(name, value) == value for name, value in own.items()):
                dimensions |= own
                told[key] = self._gathered[key]
        for key in told:
            del self._gathered[key]
        if told:
            values = {metric: _value(metric, of_metric) for (metric, _), of_metric in told.items()}
            self._write(_line(values, dimensions, self._now()))


def lines_of(samples: Iterable[Sample], now_s: float) -> list[str]:
    """Return the lines that tell samples, those of the same labels together."""
    by_labels: dict[tuple[tuple[str, str], ...], dict[Metric, Any]] = {}
    for metric, labels, value in samples:
        by_labels.setdefault(tuple(zip(metric.labels, labels, strict=True)), {})[metric] = value
    return [_line(values, dict(labels), now_s) for labels, values in by_labels.items()]


def _line(values: Mapping[Metric, Any], dimensions: Mapping[str, str], now_s: float) -> str:
    by_labels: dict[tuple[str, ...], list[dict[str, str]]] = {}
    for metric in values:
        unit = "Seconds" if metric.unit else "Count" if metric.kind == "counter" else "None"
        by_labels.setdefault(metric.labels, []).append({"Name": told_name(metric), "Unit": unit})
    directives = [
        {"Namespace": NAMESPACE, "Dimensions": [list(labels)], "Metrics": metrics}
        for labels, metrics in by_labels.items()
    ]
    if alarmed := [{"Name": told_name(metric), "Unit": "None"} for metric in values if metric in ALARMED]:
        directives.append({"Namespace": NAMESPACE, "Dimensions": [[]], "Metrics": alarmed})
    named = {told_name(metric): value for metric, value in values.items()}
    about = {"Timestamp": int(now_s * 1000), "CloudWatchMetrics": directives}
    return json.dumps({"_aws": about, **dimensions, **named}) + "\n"


def _value(metric: Metric, values: list[float]) -> float | list[float]:
    if metric.kind == "counter":
        return sum(values)
    step = max(1.0, len(values) / VALUES_MAX)
    return [values[int(number * step)] for number in range(min(len(values), VALUES_MAX))]
