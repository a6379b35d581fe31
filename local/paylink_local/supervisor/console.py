"""What the supervisor says: to the person at the terminal, and to `logs/supervisor.log`."""

import os
from datetime import datetime
from pathlib import Path

from paylink_local.output import Output
from paylink_local.supervisor.echo import ECHO_BYTES_MAX
from paylink_local.supervisor.log import RotatingLog

_LAST_WORDS_S = 1.0


class Console:
    """A terminal that goes away or stops reading (a closed window, Ctrl-S, a pager) loses lines and stops nothing."""

    def __init__(self, log: Path) -> None:
        self._log = RotatingLog(log)
        self._output = Output(1, ECHO_BYTES_MAX)

    def say(self, line: str) -> None:
        stamp = datetime.now().astimezone().isoformat(timespec="milliseconds")
        self._log.write(f"{stamp} {line}\n".encode())
        self.show(line)

    def show(self, line: str) -> None:
        """Say something to the person only: what holds a key has no place in a log."""
        self._output.put(f"{line}\n".encode())

    def drain(self) -> None:
        """Give the terminal a moment to read what it was told."""
        self._output.drain(_LAST_WORDS_S)

    def let_go(self) -> None:
        """Close standard output and error: whoever started us reads their end, and gets its prompt back."""
        self.drain()
        with open(os.devnull, "w") as nowhere:
            os.dup2(nowhere.fileno(), 1)
            os.dup2(nowhere.fileno(), 2)
