"""Parameters of a query, or fields of a body, read strictly: each unknown or malformed one is refused by its name."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from paylink.core.errors import FieldProblem, InvalidFields
from paylink.core.text import is_printable

LIMIT_MAX = 200
_TEXT_MAX = 300

Reader = Callable[[Any], Any]
"""Returns what a given value means, or raises ValueError with what is needed instead."""


def read_values(given: Mapping[str, Any], readers: Mapping[str, Reader]) -> dict[str, Any]:
    """
    Return what was given, each value as its reader returns it; a name without a reader is unknown.

    Raises:
        InvalidFields: With one entry per wrong one.
    """
    problems = [FieldProblem(name, "unknown") for name in given if name not in readers]
    values: dict[str, Any] = {}
    for name in sorted(readers.keys() & given.keys()):
        try:
            values[name] = readers[name](given[name])
        except ValueError as exc:
            problems.append(FieldProblem(name, str(exc)))
    if problems:
        raise InvalidFields(fields=problems)
    return values


def read_text(value: Any) -> str:
    if not isinstance(value, str) or not is_printable(value) or not 0 < len(value) <= _TEXT_MAX:
        raise ValueError(f"a text of 1 to {_TEXT_MAX} printable characters is needed")
    return value


def read_uuid(value: Any) -> UUID:
    try:
        return UUID(read_text(value))
    except ValueError as exc:
        raise ValueError("a UUID is needed") from exc


def read_moment(value: Any) -> datetime:
    try:
        moment = datetime.fromisoformat(read_text(value))
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError) as exc:
        raise ValueError("a time is needed, such as 2026-01-31 or 2026-01-31T12:00:00Z") from exc


def read_limit(value: Any) -> int:
    return read_whole(value, 1, LIMIT_MAX)


def read_whole(value: Any, least: int, most: int) -> int:
    """Return a number of a query, where it is a text, or of a JSON body."""
    text = str(value) if type(value) is int else value
    if not isinstance(text, str) or not (text.isascii() and text.isdigit() and len(text) <= 20):
        raise ValueError("a whole number is needed")
    if not least <= int(text) <= most:
        raise ValueError(f"a whole number from {least} to {most} is needed")
    return int(text)
