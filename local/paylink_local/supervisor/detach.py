"""Starting a supervisor that goes on when the terminal is closed."""

import contextlib
import os
import signal
import subprocess
from collections.abc import Sequence

from paylink_local.supervisor.home import Home
from paylink_local.supervisor.status import read_status


def run_detached(home: Home, command: Sequence[str]) -> int:
    """
    Start a supervisor in a session of its own, show what it says, and return 0 once all its services are healthy.

    It closes its output then (`Console.let_go`). If it ends before, its exit code is returned. Ctrl-C and SIGTERM to us
    meanwhile stop it.
    """
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True
    )
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: process.terminate())
    assert process.stdout is not None
    for line in process.stdout:
        with contextlib.suppress(OSError):  # our reader may leave before us
            os.write(1, line)
    status = read_status(home)
    if status is not None and status.pid == process.pid and status.up:
        return 0
    return process.wait()
