"""A standard output that never holds up who writes to it, however slowly it is read."""

import atexit
import io
import json
import os
import select
import sys
import threading
import time
from collections import deque

_HELD_BYTES_MAX = 2 * 1024 * 1024
# The kernel takes a piece of this size whole, so that the lines of several processes do not mix.
_PIECE_BYTES = 4096
_EXIT_WAIT_S = 1.0


class Output:
    """
    Writes to a file descriptor from a thread of its own.

    What its reader does not take is held up to `held_bytes_max`; beyond that new text is dropped, and the number of
    lines that this cost is written once the reader is back.
    """

    def __init__(self, descriptor: int, held_bytes_max: int = _HELD_BYTES_MAX) -> None:
        self._descriptor = descriptor
        self._held_bytes_max = held_bytes_max
        self._held: deque[bytes] = deque()
        self._held_bytes = 0
        self._dropped_lines = 0
        self._changed = threading.Condition()
        threading.Thread(target=self._run, name="output", daemon=True).start()

    def put(self, data: bytes) -> None:
        """Take bytes to write, whole lines at best; return at once."""
        with self._changed:
            if self._held_bytes + len(data) > self._held_bytes_max:
                self._dropped_lines += data.count(b"\n")
                return
            self._held.append(data)
            self._held_bytes += len(data)
            self._changed.notify_all()

    def drain(self, wait_s: float) -> bool:
        """Wait until everything is written, but not longer than `wait_s`; tell whether it is."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._held_bytes and not self._dropped_lines, wait_s)

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._held)
                piece = self._next_piece()
            self._write(piece)
            with self._changed:
                self._held_bytes -= len(piece)
                if self._dropped_lines and not self._held:
                    self._tell_dropped()
                self._changed.notify_all()

    def _next_piece(self) -> bytes:
        parts = [self._held.popleft()]
        size = len(parts[0])
        while self._held and size + len(self._held[0]) <= _PIECE_BYTES:
            parts.append(self._held.popleft())
            size += len(parts[-1])
        return b"".join(parts)

    def _tell_dropped(self) -> None:
        notice = json.dumps(
            {
                "level": "WARNING",
                "message": "log lines were dropped because nobody read them",
                "timestamp": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
                "logger": "paylink_local.output",
                "lines": self._dropped_lines,
            }
        )
        self._dropped_lines = 0
        self._held.append(notice.encode() + b"\n")
        self._held_bytes += len(self._held[-1])

    def _write(self, data: bytes) -> None:
        while data:
            try:
                data = data[os.write(self._descriptor, data) :]
            except BlockingIOError:  # whoever shares the descriptor has made it non-blocking
                select.select([], [self._descriptor], [])
            except OSError:  # nobody will ever read it
                return


class _Stream(io.TextIOBase):
    """`sys.stdout` or `sys.stderr` over an Output: for `print`, for loggers of libraries, for tracebacks."""

    encoding = "utf-8"

    def __init__(self, output: Output) -> None:
        self._output = output

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        self._output.put(text.encode("utf-8", "backslashreplace"))
        return len(text)


def free_standard_streams() -> None:
    """
    Let nothing in this process wait for the reader of standard output or standard error again.

    At its end the process gives the reader a second for what is left.
    """
    outputs = Output(1), Output(2)
    sys.stdout, sys.stderr = map(_Stream, outputs)

    def drain() -> None:
        until_s = time.monotonic() + _EXIT_WAIT_S
        for output in outputs:
            output.drain(max(0.0, until_s - time.monotonic()))

    atexit.register(drain)
