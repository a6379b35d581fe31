"""The life of a supervisor process, from taking the state folder to leaving nothing behind."""

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence

from paylink_local.supervisor.console import Console
from paylink_local.supervisor.errors import CannotRun
from paylink_local.supervisor.guarded import Guarded
from paylink_local.supervisor.home import Home
from paylink_local.supervisor.service import Service
from paylink_local.supervisor.status import read_status
from paylink_local.supervisor.strays import end_last_run
from paylink_local.supervisor.supervisor import Supervisor

_INTERRUPTED = 130
_LAST_RUN_ENDS_S = 30.0
_OTHER_START_S = 180.0


def supervise(
    home: Home,
    services: Sequence[Service],
    *,
    welcome: str,
    detached: bool,
    settings: Mapping[str, str] | None = None,
    check: Callable[[], None] = lambda: None,
) -> int:
    """
    Run the services until SIGINT, SIGTERM or SIGHUP; return the exit code. Only in the main thread of a process of its
    own, which holds `home` (`Home.held`).

    welcome: shown once all are healthy; if detached, standard output is closed after it. settings: kept in the status
    file. check: called before anything starts, when nothing of the last run is left; may raise CannotRun.

    Raises:
        CannotRun: A service did not start, or those of the last run do not end. Nothing is left running.
    """
    cancelled = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: cancelled.set())
    console = Console(home.logs / "supervisor.log")
    try:
        began = time.monotonic()
        _await_last_run(home, console)
        check()
        Guarded.adopt_orphans()
        supervisor = Supervisor(services, home=home, pid=os.getpid(), say=console.say, settings=settings)

        console.say(f"Starting PayLink; its state and logs are in {home.path}")
        supervisor.start(cancelled)
        if started := not cancelled.is_set():
            console.say(f"PayLink is up after {time.monotonic() - began:.1f} s.")
            console.show(f"\n{welcome}")
            if detached:
                console.let_go()
            cancelled.wait()
        console.say("Stopping PayLink")
        supervisor.stop()
        console.say("PayLink has stopped.")
        return 0 if started else _INTERRUPTED
    finally:
        console.drain()


def await_other(home: Home) -> int:
    """
    Wait until the supervisor that holds `home` has started all its services, and return its process id.

    Raises:
        CannotRun: Its start fails or does not finish.
    """
    pid = home.supervisor_pid()
    give_up = time.monotonic() + _OTHER_START_S
    said = False
    while (status := read_status(home)) is None or not status.up:
        if not said:
            sys.stdout.write(f"PayLink is being started by process {pid}; waiting for it\n")
            sys.stdout.flush()
            said = True
        if home.supervisor_pid() is None:
            raise CannotRun(f"the start by process {pid} did not succeed: see {home.logs / 'supervisor.log'}")
        if time.monotonic() > give_up:
            raise CannotRun(f"process {pid} does not finish its start: stop it with ./scripts/down")
        time.sleep(0.2)
    return status.pid


def _await_last_run(home: Home, console: Console) -> None:
    """After a supervisor was killed its services need some seconds to end; what survived even that is killed."""
    if home.guardians_live():
        console.say("Waiting for the services of the last run to end")
    if count := end_last_run(home, _LAST_RUN_ENDS_S):
        console.say(f"Killed {count} processes that the last run left behind")
