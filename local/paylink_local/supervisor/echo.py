"""What the terminal shows of a service's log: warnings and worse, readably. All of it is in the log file."""

from paylink_local.log_reading import is_quiet, readable
from paylink_local.output import Output

ECHO_BYTES_MAX = 256 * 1024
"""So much is kept for a terminal that does not read (Ctrl-S, a pager); beyond it lines are dropped and counted."""

_LINE_BYTES_MAX = 64 * 1024


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
                for part in readable(line.decode(errors="replace")).split("\n"):
                    self._output.put(self._prefix + part.encode() + b"\n")

    def drain(self, wait_s: float) -> None:
        if self._output is not None:
            self._output.drain(wait_s)
