"""Lines of the log for a person: time, level, message, then what else is known, ids cut to what tells them apart."""

import json
from collections.abc import Mapping
from typing import Any

from paylink.core.log_ids import LOG_IDS

_ID_CHARS = 8
_FIRST = ("timestamp", "level", "message")
_LAST = ("exception", "stack")
_LEFT_OUT = frozenset({"location", "service", "logger", "exception_name"})
_EMPTY: tuple[object, ...] = (None, "")


def human_line(fields: Mapping[str, Any]) -> str:
    """
    Return a line, or several when it has a traceback: `12:00:00.123 ERROR   alert  alert=dead_event event_row_id=…`.

    The time is as it was written, in UTC. An id shows its end, as ids begin with their time and so look alike.
    """
    time, level, message = (_one_line(str(fields.get(name, ""))) for name in _FIRST)
    parts = [f"{_clock(time)} {level:<7} {message}"]
    for name, value in fields.items():
        if name not in _FIRST and name not in _LAST and name not in _LEFT_OUT and value not in _EMPTY:
            parts.append(f"{name}={_short(value) if name in LOG_IDS else _shown(value)}")
    trails = [_one_line(line) for name in _LAST for line in str(fields.get(name) or "").rstrip().split("\n")]
    first = f"{parts[0]}  {' '.join(parts[1:])}".rstrip()
    return "\n    ".join([first, *filter(None, trails)])


def _clock(time: str) -> str:
    """Return the time of the day of an ISO time; anything else as it is."""
    return time[11:23] if len(time) > 22 and time[10] in "T " else time


def _short(value: object) -> str:
    text = _one_line(str(value))
    return text if len(text) <= _ID_CHARS + 1 else f"\N{HORIZONTAL ELLIPSIS}{text[-_ID_CHARS:]}"


def _shown(value: object) -> str:
    if isinstance(value, str) and value.isprintable() and " " not in value:
        return value
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if text.isprintable() else json.dumps(value, default=str)


def _one_line(text: str) -> str:
    """No text that came from outside may look like another line, or move the cursor."""
    return text if text.isprintable() else json.dumps(text, ensure_ascii=True)[1:-1]
