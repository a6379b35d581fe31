"""The log files of a state folder, as entries in the order of their time."""

import contextlib
import heapq
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from paylink_local.log_reading import LEVELS, LogLine, read_line

_TIME = re.compile(r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:[.,](\d{1,6}))? ?(UTC|Z|[+-]\d\d:\d\d)?")
_TIME_WITHIN_CHARS = 40


@dataclass(frozen=True)
class Wanted:
    """
    Which entries: from a level on, and of one id where `id_name` names its field.

    `id_end` is the id or its last signs, as the readable form shows them. What has no level is let through by each.
    """

    level: str = "DEBUG"
    id_name: str | None = None
    id_end: str = ""

    def takes(self, line: LogLine) -> bool:
        if line.level in LEVELS and LEVELS.index(line.level) < LEVELS.index(self.level):
            return False
        if self.id_name is None:
            return True
        values = line.fields.get(self.id_name), *_listed(line.fields.get(f"{self.id_name}s"))
        return any(isinstance(value, str) and value.endswith(self.id_end) for value in values)


def _listed(value: object) -> Sequence[object]:
    return value if isinstance(value, list) else ()


@dataclass
class Entry:
    """A line of one service with what follows it without a time of its own, such as a traceback; `at` is POSIX time."""

    at: float
    service: str
    line: LogLine
    more: list[str] = field(default_factory=list)

    def text(self, *, readable: bool) -> str:
        return "\n".join([self.line.readable if readable else self.line.text, *self.more])


def services_of(folder: Path) -> list[str]:
    """Return the names of the services that have a log."""
    return sorted({file.name.partition(".log")[0] for file in folder.glob("*.log*")})


class LogFiles:
    """The logs of some services, or of all that there are or will be; what is rotated meanwhile is not missed."""

    def __init__(self, folder: Path, services: Collection[str], wanted: Wanted) -> None:
        self._folder = folder
        self._services = services
        self._wanted = wanted
        self._tails: dict[str, _Tail] = {}

    def read(self) -> list[Entry]:
        """Return what was written since the last call, the oldest first; the first time all that is there."""
        for service in self._services or services_of(self._folder):
            if service not in self._tails:
                self._tails[service] = _Tail(self._folder, service)
        return list(heapq.merge(*(tail.read(self._wanted) for tail in self._tails.values()), key=lambda one: one.at))


class _Tail:
    """What is added to the log of one service, in whole lines; at first also the file before it."""

    def __init__(self, folder: Path, service: str) -> None:
        self._service = service
        self._path = folder / f"{service}.log"
        self._before = folder / f"{service}.log.1"
        self._inode: int | None = None
        self._position = 0
        self._partial = b""
        self._at = 0.0

    def read(self, wanted: Wanted) -> list[Entry]:
        entries: list[Entry] = []
        for text in self._take():
            line = read_line(text)
            began = _time_of(line)
            if began is None and not line.fields and entries:
                entries[-1].more.append(text)
                continue
            # A clock that was set back must not change the order in a file.
            self._at = max(self._at, began or 0.0)
            entries.append(Entry(self._at, self._service, line))
        return [entry for entry in entries if wanted.takes(entry.line)]

    def _take(self) -> list[str]:
        try:
            stat = self._path.stat()
        except OSError:
            return []
        lines: list[str] = []
        if self._inode != stat.st_ino:
            # It has become the file before, or this is the first look.
            lines = self._read(self._before)
            self._position = 0
        elif stat.st_size < self._position:
            self._position = 0
        self._inode = stat.st_ino
        return lines + self._read(self._path)

    def _read(self, path: Path) -> list[str]:
        with contextlib.suppress(OSError), open(path, "rb") as file:
            file.seek(self._position)
            data = file.read()
            self._position += len(data)
            self._partial += data
        *whole, self._partial = self._partial.split(b"\n")
        return [line.decode(errors="replace") for line in whole]


def _time_of(line: LogLine) -> float | None:
    """Return when a line was written; a time without a zone is this machine's."""
    text = str(line.fields.get("timestamp", "")) if line.fields else line.text
    found = _TIME.search(text[:_TIME_WITHIN_CHARS])
    if found is None:
        return None
    day, clock, fraction, zone = found.groups()
    iso = f"{day}T{clock}.{(fraction or '0').ljust(6, '0')}{'+00:00' if zone in ('UTC', 'Z') else zone or ''}"
    try:
        return datetime.fromisoformat(iso).timestamp()
    except (ValueError, OverflowError):
        return None
