"""What the supervisor says: to the person at the terminal, and to `logs/supervisor.log`."""

import contextlib
import os
from datetime import datetime
from pathlib import Path

from paylink_local.supervisor.log import RotatingLog


class Console:
    """A terminal that goes away (a closed window, a reader that left) loses lines and stops nothing."""

    def __init__(self, log: Path) -> None:
        self._log = RotatingLog(log)

    def say(self, line: str) -> None:
        stamp = datetime.now().astimezone().isoformat(timespec="milliseconds")
        self._log.write(f"{stamp} {line}\n".encode())
        self.show(line)

    def show(self, line: str) -> None:
        """Say something to the person only: what holds a key has no place in a log."""
        with contextlib.suppress(OSError):
            os.write(1, f"{line}\n".encode())

    def let_go(self) -> None:
        """Close standard output and error: whoever started us reads their end, and gets its prompt back."""
        with open(os.devnull, "w") as nowhere:
            os.dup2(nowhere.fileno(), 1)
            os.dup2(nowhere.fileno(), 2)
