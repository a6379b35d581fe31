"""A sandbox in a process of its own, so that it and who asks it do not wait for one interpreter."""

import logging
import multiprocessing
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection
from multiprocessing.sharedctypes import Synchronized

from paylink_sandbox.testing import running_sandbox
from support.settled import Clock

_CONTEXT = multiprocessing.get_context("forkserver")
_START_WITHIN_S = 60.0


class SharedClock(Clock):
    """The real time, moved on by hand in every process that has this clock."""

    def __init__(self) -> None:
        self._offset_s: Synchronized[float] = _CONTEXT.Value("d", 0.0)

    def __call__(self) -> float:
        return time.time() + self._offset_s.value

    @property
    def offset_s(self) -> float:
        return self._offset_s.value

    @offset_s.setter
    def offset_s(self, value: float) -> None:
        self._offset_s.value = value


@contextmanager
def sandbox_beside(environment: Mapping[str, str], *, clock: SharedClock) -> Iterator[str]:
    """Serve as `running_sandbox` does; yield the base address."""
    ours, theirs = _CONTEXT.Pipe()
    process = _CONTEXT.Process(target=_serve, args=(dict(environment), clock, theirs), daemon=True)
    process.start()
    theirs.close()
    with ours:
        assert ours.poll(_START_WITHIN_S), "the sandbox did not start"
        yield ours.recv()
    process.join()
    assert process.exitcode == 0


def _serve(environment: Mapping[str, str], clock: Clock, until_closed: Connection) -> None:
    # A line for each request is worth nothing here, and many lines are not free.
    logging.getLogger("werkzeug").setLevel(logging.WARNING)
    with running_sandbox(environment, clock=clock) as url:
        until_closed.send(url)
        with suppress(EOFError):
            until_closed.recv()
