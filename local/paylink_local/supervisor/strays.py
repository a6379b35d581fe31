"""What is left of a stack whose supervisor and guardians were all killed at once."""

import contextlib
import os
import time

import psutil

from paylink_local.supervisor.errors import CannotRun
from paylink_local.supervisor.guarded import SUPERVISED
from paylink_local.supervisor.home import Home

_KILLED_END_S = 5.0


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
    strays = left_over(home)
    for process in strays:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    killed_end_by = time.monotonic() + _KILLED_END_S
    while left_over(home) and time.monotonic() < killed_end_by:
        time.sleep(0.05)
    if home.guardians_live():
        raise CannotRun(f"services of the last run do not end: see {home.logs}")
    return len(strays)


def left_over(home: Home) -> list[psutil.Process]:
    """
    Return every process that a supervisor of this state folder started, or something that it started.

    One that has ended is none of them, also where its parent, in a container often the first process, does not collect
    it: a zombie has no environment.
    """
    return [process for process in psutil.process_iter() if _belongs_to(home, process)]


def _belongs_to(home: Home, process: psutil.Process) -> bool:
    try:
        tag: str | None = process.environ().get(SUPERVISED)
    except (psutil.Error, OSError):
        return False
    return process.pid != os.getpid() and tag == str(home.path)
