"""docs/performance.md, where each benchmark writes its own section and leaves the others as they are."""

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from bench.common.generator import REPOSITORY

DOCUMENT = REPOSITORY / "docs" / "performance.md"
_RESULTS = "<!-- results -->"


def write_section(name: str, template: Path, results: Iterable[str], document: Path = DOCUMENT) -> None:
    """Put a template, with the results in their place in it, between the marks of that section."""
    section = template.read_text(encoding="utf-8").replace(_RESULTS, "\n".join(results)).strip()
    replace_section(name, section, document)


def replace_section(name: str, section: str, document: Path) -> None:
    """
    Put a text between the marks of that section.

    Raises:
        ValueError: The document has none of that name, or several.
    """
    text = document.read_text(encoding="utf-8")
    begin, end = f"<!-- {name} -->\n", f"\n<!-- end of {name} -->"
    written, count = re.subn(f"(?s){re.escape(begin)}.*?{re.escape(end)}", lambda _: f"{begin}{section}{end}", text)
    if count != 1:
        raise ValueError(f"{document} has {count} sections {name}")
    document.write_text(written, encoding="utf-8")


def cpu_table(used: Mapping[str, Mapping[str, float]]) -> Iterator[str]:
    """A column for each kind of run, in microseconds; what idles is left out. `used`: in milliseconds."""
    parts = sorted({part for times in used.values() for part, ms in times.items() if ms >= 0.001})
    yield f"| | {' | '.join(used)} |"
    yield "|---" * (1 + len(used)) + "|"
    for part in parts:
        yield f"| {part} | {' | '.join(f'{1000 * times.get(part, 0):.0f}' for times in used.values())} |"
    yield f"| **sum** | {' | '.join(f'{1000 * sum(times.values()):.0f}' for times in used.values())} |"
