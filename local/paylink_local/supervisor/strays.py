"""What is left of a stack whose supervisor and guardians were all killed at once."""

import contextlib
import os
import time

import psutil

from paylink_local.supervisor.errors import CannotRun
from paylink_local.supervisor.guarded import SUPERVISED
from paylink_local.supervisor.home import Home

_KILLED_END_S = 5.0
_LINGER_S = 0.5


def end_last_run(home: Home, within_s: float) -> int:
    """
    Wait until nothing is left of the stack in this state folder, which no supervisor holds any more.

    Guardians have `within_s` to end their services by themselves, and are woken for it; what then is left is killed.
    Return how many processes that were.

    Raises:
        CannotRun: Even so something is left.
    """
    if home.guardians_live():
        for process in left_over(home):
            with contextlib.suppress(psutil.NoSuchProcess):
                process.resume()
    guardians_end_by = time.monotonic() + within_s
    while home.guardians_live() and time.monotonic() < guardians_end_by:
        time.sleep(0.05)
    # Who lets go of its lock is about to end, and is no stray.
    _, strays = psutil.wait_procs(left_over(home), timeout=_LINGER_S)
    for process in strays:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(strays, timeout=_KILLED_END_S)
    if home.guardians_live():
        raise CannotRun(f"services of the last run do not end: see {home.logs}")
    return len(strays)


def left_over(home: Home) -> list[psutil.Process]:
    """Return every process that a supervisor of this state folder started, or something that it started."""
    return [process for process in psutil.process_iter() if _belongs_to(home, process)]


def _belongs_to(home: Home, process: psutil.Process) -> bool:
    try:
        tag: str | None = process.environ().get(SUPERVISED)
    except (psutil.Error, OSError):
        return False
    return process.pid != os.getpid() and tag == str(home.path)
