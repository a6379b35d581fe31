"""What a page of docs/ shows: its blocks of code, and whether an answer is like the one that it prints."""

import re
from typing import Any

from support.stack import REPOSITORY

# What differs from machine to machine and from order to order.
_VARIES = re.compile(
    r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"  # our ids
    r"|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(\+00:00|Z)"
    r"|https?://localhost:\d+(?!\d)"
    r"|\b(evt|re|cs|ch|pi)_\w+"  # a provider's ids
)


def page(name: str) -> str:
    return (REPOSITORY / "docs" / name).read_text()


def section(text: str, heading: str) -> str:
    """Return the part under a heading, down to the next heading."""
    return re.split(r"^#+ ", text[text.index(f"# {heading}\n") + 2 :], maxsplit=1, flags=re.M)[0]


def blocks(text: str, *languages: str) -> list[str]:
    """Return the fenced blocks in one of these languages, in their order."""
    return [code for language, code in re.findall(r"^```(\w*)\n(.*?)^```$", text, re.M | re.S) if language in languages]


def alike(value: Any) -> Any:
    """Return an answer without what varies: what is left is the same for every reader of the page."""
    if isinstance(value, dict):
        return {name: alike(part) for name, part in value.items()}
    if isinstance(value, list):
        return [alike(part) for part in value]
    return _VARIES.sub("*", value) if isinstance(value, str) else value
