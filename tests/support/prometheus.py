"""Prometheus and its tool, as ./scripts/test installs them."""

import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from paylink.core.metrics import METRICS, Metric, told_name
from support.stack import REPOSITORY

OBSERVABILITY = REPOSITORY / "observability"
_INSTALLED = REPOSITORY / ".paylink" / "prometheus" / "usr" / "bin"


def _series_of(metric: Metric) -> set[str]:
    parts = ("_bucket", "_count", "_sum") if metric.kind == "histogram" else ("",)
    return {told_name(metric) + part for part in parts}


SERIES = {name: metric for metric in METRICS for name in _series_of(metric)}
"""Each name that an expression may use, and the figure that it is of."""


def unknown_in(expression: str, recorded: set[str]) -> list[str]:
    """Return the names and the labels in an expression that are neither of a figure nor `recorded` by a rule."""
    unknown: list[str] = []
    for name, selector in re.findall(r"\b(paylink[_:][a-z0-9_:]+)(?:\{([^}]*)\})?", expression):
        labels = set(re.findall(r"(\w+) *(?:=~|!~|!=|=)", selector))
        if name in SERIES:
            unknown += sorted(labels - {*SERIES[name].labels, "le"})
        elif name not in recorded:
            unknown.append(name)
    return unknown


def program(name: str) -> str:
    """Return the path of `prometheus` or `promtool`."""
    found = shutil.which(name, path=os.pathsep.join([os.environ.get("PATH", ""), str(_INSTALLED)]))
    assert found is not None, f"{name} is not there: run ./scripts/test once"
    return found


def promtool(*arguments: str, folder: Path = OBSERVABILITY) -> "subprocess.CompletedProcess[str]":
    command: Sequence[str] = [program("promtool"), *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120)
