"""The tables of docs/scaling.md, each between marks of its own."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

from bench.capacity import need_tables, work_tables
from bench.capacity.inputs import Inputs
from bench.common.document import replace_section
from bench.common.generator import REPOSITORY

DOCUMENT = REPOSITORY / "docs" / "scaling.md"


def sections(inputs: Inputs) -> dict[str, list[str]]:
    """Return each section's lines by its name."""
    return {name: list(lines(inputs)) for name, lines in _SECTIONS.items()}


def text(inputs: Inputs) -> str:
    """Return what the command prints."""
    return "\n".join(f"## {name}\n\n" + "\n".join(lines) + "\n" for name, lines in sections(inputs).items())


def write(inputs: Inputs, document: Path = DOCUMENT) -> None:
    for name, lines in sections(inputs).items():
        replace_section(name, "\n".join(lines), document)


def outdated(inputs: Inputs, document: Path = DOCUMENT) -> list[str]:
    """Return the sections of the document that are not what the model says now."""
    page = document.read_text(encoding="utf-8")
    return [
        name
        for name, lines in sections(inputs).items()
        if f"<!-- {name} -->\n" + "\n".join(lines) + f"\n<!-- end of {name} -->" not in page
    ]


def marks(document: Path = DOCUMENT) -> list[str]:
    return re.findall(r"^<!-- end of (.+) -->$", document.read_text(encoding="utf-8"), re.M)


_SECTIONS: dict[str, Callable[[Inputs], Iterator[str]]] = {
    "summary": need_tables.summary,
    "measured": work_tables.measured,
    "intake": work_tables.intake,
    "processing": work_tables.processing,
    "burst": work_tables.burst,
    "connections": need_tables.connections,
    "postgres": need_tables.postgres,
    "storage": need_tables.storage,
    "costs": need_tables.costs,
    "checked": need_tables.checked,
}
