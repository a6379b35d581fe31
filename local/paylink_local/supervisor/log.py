"""Log files that cannot fill the disk."""

import contextlib
import io
import os
from pathlib import Path

MAX_BYTES = 5_000_000


class RotatingLog:
    """
    Appends raw output to `path`; past MAX_BYTES the file becomes `<path>.1` and the one before is dropped.

    A full disk loses lines, never the process: writing does not raise.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = self._open()
        self._size = path.stat().st_size

    def write(self, data: bytes) -> None:
        with contextlib.suppress(OSError):
            self._size += self._file.write(data)
            if self._size > MAX_BYTES:
                self._rotate()

    def _rotate(self) -> None:
        self._file.close()
        self._path.replace(self._path.with_name(self._path.name + ".1"))
        self._file = self._open()
        self._size = 0

    def _open(self) -> io.FileIO:
        return io.FileIO(self._path, "ab")


def tail(path: Path, *, since: int = 0, lines: int = 15) -> list[str]:
    """Return the last `lines` non-empty lines of a log, of what was written after the byte `since`."""
    with contextlib.suppress(OSError), open(path, "rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(since if since <= size else 0, size - 20_000))
        text = file.read().decode(errors="replace")
        return [line.rstrip() for line in text.splitlines() if line.strip()][-lines:]
    return []
