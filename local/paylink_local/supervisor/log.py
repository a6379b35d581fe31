"""Log files that cannot fill the disk."""

import contextlib
import io
import os
from pathlib import Path

MAX_BYTES = 5_000_000


class RotatingLog:
    """
    Appends raw output to `path`; past MAX_BYTES the file becomes `<path>.1` and the one before is dropped.

    With `echo_as` each whole line also goes to standard output behind that name. A full disk or a closed terminal
    loses lines, never the process: writing does not raise.
    """

    def __init__(self, path: Path, *, echo_as: str | None = None) -> None:
        self._path = path
        self._prefix = f"{echo_as:<10} | ".encode() if echo_as else b""
        self._partial = b""
        self._file = self._open()
        self._size = path.stat().st_size

    def write(self, data: bytes) -> None:
        with contextlib.suppress(OSError):
            self._size += self._file.write(data)
            if self._size > MAX_BYTES:
                self._rotate()
        if self._prefix:
            self._echo(data)

    def _rotate(self) -> None:
        self._file.close()
        self._path.replace(self._path.with_name(self._path.name + ".1"))
        self._file = self._open()
        self._size = 0

    def _open(self) -> io.FileIO:
        return io.FileIO(self._path, "ab")

    def _echo(self, data: bytes) -> None:
        *lines, self._partial = (self._partial + data).split(b"\n")
        with contextlib.suppress(OSError):
            os.write(1, b"".join(self._prefix + line + b"\n" for line in lines))


def tail(path: Path, *, since: int = 0, lines: int = 15) -> list[str]:
    """Return the last `lines` non-empty lines of a log, of what was written after the byte `since`."""
    with contextlib.suppress(OSError), open(path, "rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(since if since <= size else 0, size - 20_000))
        text = file.read().decode(errors="replace")
        return [line.rstrip() for line in text.splitlines() if line.strip()][-lines:]
    return []
