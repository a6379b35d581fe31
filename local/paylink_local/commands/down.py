"""`paylink down`: stop the embedded stack."""

import argparse
import contextlib
import os
import signal
import time
from collections.abc import Callable

from paylink_local.supervisor.errors import CannotRun
from paylink_local.supervisor.home import DEFAULT_HOME, Home
from paylink_local.supervisor.strays import end_last_run

HELP = "Stop PayLink."
_CLEAN_END_S = 25.0
_FORCED_END_S = 20.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    what = "the folder .paylink with the database, the logs and the generated keys"
    parser.add_argument("--wipe", action="store_true", help=f"then delete all local state: {what}")


def run(args: argparse.Namespace) -> int:
    home = Home.of(os.environ)
    was_running = _stop(home)
    if args.wipe:
        tools = ", uv and LocalStack" if home.path == DEFAULT_HOME else ""
        print(f"Deleting {home.path}: the database, the sandbox's payments, logs, generated keys{tools}", flush=True)
        home.wipe()
        print("PayLink is not running, and all its local state is deleted.")
    else:
        print("PayLink has stopped." if was_running else "PayLink is not running.")
    return 0


def _stop(home: Home) -> bool:
    """End the supervisor and wait for all its processes. Return whether anything ran."""
    was_running = False
    if (pid := home.supervisor_pid()) is not None:
        was_running = True
        print(f"Stopping PayLink (process {pid})", flush=True)
        _signal(pid, signal.SIGTERM)
        if not _wait_until(lambda: home.supervisor_pid() != pid, _CLEAN_END_S):
            print("It takes too long: killing it", flush=True)
            _signal(pid, signal.SIGKILL)
    # A killed supervisor leaves its guardians, which end their services by themselves.
    return end_last_run(home, _FORCED_END_S) > 0 or was_running


def _signal(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        try:
            os.kill(pid, number)
        except PermissionError as error:
            raise CannotRun(f"process {pid} belongs to another user: stop PayLink as that user") from error


def _wait_until(is_so: Callable[[], bool], timeout_s: float) -> bool:
    give_up = time.monotonic() + timeout_s
    while not is_so():
        if time.monotonic() > give_up:
            return False
        time.sleep(0.05)
    return True
