"""What is left of a stack whose supervisor and guardians were all killed at once."""

import os

import psutil

from paylink_local.supervisor.guarded import SUPERVISED
from paylink_local.supervisor.home import Home


def end_strays(home: Home) -> int:
    """Kill every process that a stack in this state folder once started; return how many. Call it when none runs."""
    strays = [process for process in psutil.process_iter() if _belongs_to(home, process)]
    for process in strays:
        process.kill()
    psutil.wait_procs(strays, timeout=5)
    return len(strays)


def _belongs_to(home: Home, process: psutil.Process) -> bool:
    try:
        tag: str | None = process.environ().get(SUPERVISED)
    except (psutil.Error, OSError):
        return False
    return process.pid != os.getpid() and tag == str(home.path)
