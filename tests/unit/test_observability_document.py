"""docs/observability.md tells every figure as the code has it."""

import re

from paylink.core.metrics import METRICS, OF_PROCESSES, told_name
from support.stack import REPOSITORY

DOCUMENT = (REPOSITORY / "docs" / "observability.md").read_text()


def rows(section: str, end: str) -> dict[str, tuple[str, list[str]]]:
    """Return the type and labels of each figure of a section; "as above" are those of the row before."""
    text = DOCUMENT[DOCUMENT.index(section) : DOCUMENT.index(end)]
    told: dict[str, tuple[str, list[str]]] = {}
    before: list[str] = []
    for name, kind, labels in re.findall(r"^\| `(paylink_[a-z_]+)` \| (\w+) \| ([^|]*) ?\|", text, re.M):
        before = before if labels.strip() == "as above" else re.findall(r"`(\w+)`", labels)
        told[name] = kind, before
    return told


def test_every_figure_is_told_with_its_type_and_labels():
    told = rows("### Figures of processes", "### Stored figures")
    assert told == {told_name(m): (m.kind, list(m.labels)) for m in OF_PROCESSES}
    stored = [metric for metric in METRICS if metric not in OF_PROCESSES]
    told = rows("### Stored figures", "### What it costs")
    assert told == {told_name(m): (m.kind, list(m.labels)) for m in stored}
