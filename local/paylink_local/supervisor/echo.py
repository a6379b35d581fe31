"""What the terminal shows of a service's log: warnings and worse. All of it is in the log file."""

import json
import re

from paylink_local.output import Output

ECHO_BYTES_MAX = 256 * 1024
"""So much is kept for a terminal that does not read (Ctrl-S, a pager); beyond it lines are dropped and counted."""

_LINE_BYTES_MAX = 64 * 1024
_QUIET = (b"DEBUG", b"INFO")
_LEVEL = re.compile(rb"\b(DEBUG|INFO|WARNING|ERROR|CRITICAL)\b")
_LEVEL_WITHIN_BYTES = 80


class Echo:
    """Copies whole lines to standard output behind a name. It never waits for the reader."""

    def __init__(self, name: str) -> None:
        self._prefix = f"{name:<10} | ".encode()
        self._partial = b""
        self._output: Output | None = None  # it has a thread, and whoever has one should not fork

    def write(self, data: bytes) -> None:
        *lines, self._partial = (self._partial + data).split(b"\n")
        if len(self._partial) > _LINE_BYTES_MAX:
            lines.append(self._partial)
            self._partial = b""
        if shown := [line for line in lines if not is_quiet(line)]:
            self._output = self._output or Output(1, ECHO_BYTES_MAX)
            for line in shown:
                self._output.put(self._prefix + line + b"\n")

    def drain(self, wait_s: float) -> None:
        if self._output is not None:
            self._output.drain(wait_s)


def is_quiet(line: bytes) -> bool:
    """Tell whether a log line says itself that it is below WARNING. A JSON line without a level is of a request."""
    if line.startswith(b"{"):
        try:
            return str(json.loads(line).get("level", "INFO")).encode() in _QUIET
        except ValueError:
            pass
    level = _LEVEL.search(line[:_LEVEL_WITHIN_BYTES])
    return level is not None and level[1] in _QUIET
