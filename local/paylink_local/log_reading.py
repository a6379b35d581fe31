"""Reads the lines of the services' log files: ours are JSON, or text with a level near its beginning."""

import json
import re
from dataclasses import dataclass
from typing import Any

from paylink.runtime.human_lines import human_line

LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
_QUIET = ("DEBUG", "INFO")
_LEVEL = re.compile(r"\b(DEBUG|INFO|WARNING|ERROR|CRITICAL|LOG(?=:)|FATAL(?=:)|PANIC(?=:))\b")
_OF_POSTGRES = {"LOG": "INFO", "FATAL": "ERROR", "PANIC": "CRITICAL"}
_LEVEL_WITHIN_CHARS = 80


@dataclass(frozen=True)
class LogLine:
    """A line as it stands in a file; `fields` are those of JSON, else none."""

    text: str
    fields: dict[str, Any]

    @property
    def level(self) -> str | None:
        """
        Its level; None when it does not say. A JSON line without one, as of a request, is INFO; so is one cut off that
        names it.
        """
        if self.fields:
            return str(self.fields.get("level", "INFO"))
        found = _LEVEL.search(self.text[:_LEVEL_WITHIN_CHARS])
        return _OF_POSTGRES.get(found[1], found[1]) if found else None

    @property
    def readable(self) -> str:
        """The line for a person."""
        return human_line(self.fields) if "message" in self.fields else self.text


def read_line(text: str) -> LogLine:
    """Never raises."""
    if text.startswith("{"):
        try:
            fields = json.loads(text)
        except (ValueError, RecursionError):
            pass
        else:
            return LogLine(text, fields)
    return LogLine(text, {})


def is_quiet(line: bytes) -> bool:
    """Tell whether a log line says itself that it is below WARNING."""
    return read_line(line.decode(errors="replace")).level in _QUIET


def readable(text: str) -> str:
    """Return a log line for a person."""
    return read_line(text).readable
