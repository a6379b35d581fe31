"""Faults of processes: killed, frozen, and kept down."""

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import psutil

from chaos.stack import Stack

_ENDS_WITHIN_S = 20.0


def kill(stack: Stack, service: str, number: int = signal.SIGKILL) -> None:
    """Send one service's main process a signal that ends it. The supervisor starts it again."""
    stack.process(service).send_signal(number)


def kill_one_worker_process(stack: Stack) -> None:
    """Kill one of the processes that answer requests in the gateway; its main process stays."""
    workers = [p for p in stack.process("gateway").children() if "spawn_main" in " ".join(p.cmdline())]
    workers[0].kill()


@contextmanager
def frozen(stack: Stack, service: str) -> Iterator[None]:
    """Stop a service and all its children in their tracks: connections stay open, and nothing is answered."""
    main = stack.process(service)
    main.suspend()
    # Only the main process makes further ones, and it no longer does.
    family = [main, *main.children(recursive=True)]
    for process in family[1:]:
        if_alive(process.suspend)
    try:
        yield
    finally:
        for process in reversed(family):
            if_alive(process.resume)


@contextmanager
def kept_down(stack: Stack, service: str, number: int = signal.SIGKILL) -> Iterator[None]:
    """End a service, and have nobody start it again for the time of the block."""
    with supervisor_held(stack):
        process = stack.process(service)
        process.send_signal(number)
        await_end(process)
        yield


@contextmanager
def slow(stack: Stack, service: str, *, stopped_s: float, running_s: float) -> Iterator[None]:
    """Let a service work for `running_s` at a time only, and stand still for `stopped_s` in between."""
    process = stack.process(service)
    over = threading.Event()

    def stutter() -> None:
        while not over.is_set():
            process.suspend()
            over.wait(stopped_s)
            process.resume()
            over.wait(running_s)

    thread = threading.Thread(target=stutter, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


@contextmanager
def supervisor_held(stack: Stack) -> Iterator[None]:
    """Stop the supervisor for the time of the block: what dies meanwhile is started again only afterwards."""
    supervisor = psutil.Process(stack.status().pid)
    supervisor.suspend()
    try:
        yield
    finally:
        supervisor.resume()


def await_end(process: psutil.Process) -> None:
    """Wait until a process is gone, or a zombie that nobody has collected yet."""
    stop_at = time.monotonic() + _ENDS_WITHIN_S
    with suppress(psutil.NoSuchProcess):
        while process.status() != psutil.STATUS_ZOMBIE:
            if time.monotonic() > stop_at:
                process.kill()
            time.sleep(0.02)


def if_alive(act: Callable[[], None]) -> None:
    """Do something to a process, which may have ended by now."""
    with suppress(psutil.NoSuchProcess):
        act()
