"""What an examination finds."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

_NAMED_MAX = 5


class Level(StrEnum):
    OK = "ok"
    WARNING = "warning"
    """It works, and will not always, or not as well as it could."""
    WRONG = "wrong"


@dataclass(frozen=True)
class Finding:
    """What one check saw; `mend` is the command or setting that helps, empty where nothing needs help."""

    check: str
    level: Level
    seen: str
    mend: str = ""


def ok(check: str, seen: str) -> Finding:
    return Finding(check, Level.OK, seen)


def warning(check: str, seen: str, mend: str) -> Finding:
    return Finding(check, Level.WARNING, seen, mend)


def wrong(check: str, seen: str, mend: str) -> Finding:
    return Finding(check, Level.WRONG, seen, mend)


def named(names: Sequence[str]) -> str:
    """Return the first few of many names."""
    more = len(names) - _NAMED_MAX
    return ", ".join(names[:_NAMED_MAX]) + (f" and {more} more" if more > 0 else "")
