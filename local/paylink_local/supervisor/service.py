"""One service: how to start it, when it is ready, and the thread that keeps it so."""

import threading
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass

from paylink.core.redaction import message_of
from paylink_local.supervisor.errors import CannotRun
from paylink_local.supervisor.guarded import Command, Guarded
from paylink_local.supervisor.home import Home
from paylink_local.supervisor.log import tail
from paylink_local.supervisor.status import ServiceStatus, State

_POLL_S = 0.05
_BACKOFF_FIRST_S = 0.2
_BACKOFF_MAX_S = 5.0
_STABLE_S = 60.0


@dataclass(frozen=True)
class Service:
    """
    start: prepares a start and says what to run; may raise CannotRun. Asked anew for each start.
    ready: whether it serves; asked every 50 ms while it starts. A task is ready when it has ended with 0.
    needs: names of services that are ready before this one starts, and stop after it.
    """

    name: str
    start: Callable[[], Command]
    ready: Callable[[], bool] = lambda: False
    needs: tuple[str, ...] = ()
    address: str = ""
    task: bool = False
    ready_timeout_s: float = 60.0


class Runner(threading.Thread):
    """
    Starts a service when what it needs is ready, restarts it when it dies, stops it when what needs it has ended.

    A service that dies before it was ever ready has failed, for `failure` says why. One that was ready before is
    started again for ever, after 0.2 s, doubling up to 5 s; a stable minute sets that back.
    """

    def __init__(
        self, service: Service, *, home: Home, say: Callable[[str], None], changed: Callable[[], None]
    ) -> None:
        super().__init__(name=service.name, daemon=True)
        self.service = service
        self.failure: str | None = None
        self.needs: Collection[Runner] = ()
        self.needed_by: Collection[Runner] = ()
        self.is_ready = threading.Event()
        self.has_ended = threading.Event()
        self._home = home
        self._say = say
        self._changed = changed
        self._stopping = threading.Event()
        self._process: Guarded | None = None
        self._state = State.WAITING
        self._restarts = 0
        self._backoff_s = _BACKOFF_FIRST_S

    @property
    def status(self) -> ServiceStatus:
        pid = self._process.pid if self._process else None
        return ServiceStatus(self.service.name, self._state, pid, self._restarts, self.service.address)

    def stop(self) -> None:
        """Ask for the end, without waiting: `has_ended` tells it."""
        self._stopping.set()

    def run(self) -> None:
        try:
            while not all(need.is_ready.wait(_POLL_S) for need in self.needs):
                if self._stopping.is_set():
                    return
            while not self._stopping.is_set() and self._state not in (State.DONE, State.FAILED):
                self._live()
        finally:
            self._end()

    def _live(self) -> None:
        """One life, from its start to the pause after its death."""
        name, began = self.service.name, time.monotonic()
        try:
            command = self.service.start()
            logged = command.log.stat().st_size if command.log.exists() else 0
            self._process = Guarded(command, home=self._home.path, lock=self._home.guardians_lock)
            self._become(State.STARTING)
            code = self._await_ready(began + self.service.ready_timeout_s)
            if self._state is State.HEALTHY:
                self._report_ready(time.monotonic() - began)
                while code is None and not self._stopping.is_set():
                    code = self._process.wait(4 * _POLL_S)
        except (CannotRun, OSError) as error:
            reason = str(error)
        except Exception as error:
            # A fault of ours: told like any other, or whoever waits for this service would wait for ever.
            reason = f"{type(error).__name__}: {message_of(error)}"
        else:
            if code == 0 and self.service.task:
                self._process = None
                self._become(State.DONE)
                self._report_ready(time.monotonic() - began)
                return
            if self._stopping.is_set():
                return
            reason = _describe(code, self.service.ready_timeout_s)
            if not self.is_ready.is_set():
                reason = "\n    ".join([reason, *tail(command.log, since=logged)])

        self._kill()
        if not self.is_ready.is_set():
            self.failure = reason
            self._become(State.FAILED)
            return
        if time.monotonic() - began > _STABLE_S:
            self._backoff_s = _BACKOFF_FIRST_S
        self._restarts += 1
        self._become(State.RESTARTING)
        self._say(f"{name}: {reason}; starting it again in {self._backoff_s:g} s")
        self._stopping.wait(self._backoff_s)
        self._backoff_s = min(_BACKOFF_MAX_S, 2 * self._backoff_s)

    def _await_ready(self, deadline: float) -> int | None:
        """Wait until the service is ready or has ended. One that takes too long is ended."""
        assert self._process is not None
        while (code := self._process.wait(_POLL_S)) is None and not self._stopping.is_set():
            if not self.service.task and self.service.ready():
                self._become(State.HEALTHY)
                break
            if time.monotonic() > deadline:
                self._kill()
                break
        return code

    def _report_ready(self, took_s: float) -> None:
        self.is_ready.set()
        word = "done" if self.service.task else "ready"
        again = " again" if self._restarts else ""
        self._say(f"  {self.service.name:<10} {word}{again} in {took_s:.1f} s  {self.service.address}".rstrip())

    def _kill(self) -> None:
        if self._process is not None:
            self._process.stop()
            while self._process.wait(1.0) is None:
                pass
            self._process = None

    def _end(self) -> None:
        self._stopping.wait()
        for runner in self.needed_by:
            runner.has_ended.wait()
        self._kill()
        if self._state not in (State.DONE, State.FAILED):
            self._become(State.STOPPED)
        self.has_ended.set()

    def _become(self, state: State) -> None:
        self._state = state
        self._changed()


def _describe(code: int | None, ready_timeout_s: float) -> str:
    if code is None:
        return f"not ready after {ready_timeout_s:g} s"
    return f"killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
