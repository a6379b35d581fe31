"""All services together: start what is independent in parallel, watch, stop in the reverse order."""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

from paylink_local.supervisor.errors import CannotRun
from paylink_local.supervisor.home import Home
from paylink_local.supervisor.service import Runner, Service
from paylink_local.supervisor.status import Status, forget_status

_STILL_STARTING_S = 5.0


class Supervisor:
    """
    The caller holds `home` (`Home.held`). `say` gets one line per thing worth knowing, from any thread.

    pid, settings: written to the status file.
    """

    def __init__(
        self,
        services: Sequence[Service],
        *,
        home: Home,
        pid: int,
        say: Callable[[str], None],
        settings: Mapping[str, str] | None = None,
    ) -> None:
        self._home = home
        self._pid = pid
        self._settings = dict(settings or {})
        self._say = say
        self._up = False
        self._writing = threading.Lock()
        self._change = threading.Event()
        self._runners = [Runner(service, home=home, say=say, changed=self._changed) for service in services]
        by_name = {runner.service.name: runner for runner in self._runners}
        for runner in self._runners:
            runner.needs = [by_name[name] for name in runner.service.needs]
            runner.needed_by = [other for other in self._runners if runner.service.name in other.service.needs]

    def start(self, cancelled: threading.Event) -> None:
        """
        Return when everything is ready, or `cancelled` is set.

        Raises:
            CannotRun: A service did not start. All that did is stopped again.
        """
        said = time.monotonic()
        for runner in self._runners:
            runner.start()
        while not cancelled.is_set() and not all(runner.is_ready.is_set() for runner in self._runners):
            self._change.wait(0.05)
            self._change.clear()
            if failed := next((runner for runner in self._runners if runner.failure), None):
                self.stop()
                raise CannotRun(f"{failed.service.name} did not start: {failed.failure}")
            if time.monotonic() - said > _STILL_STARTING_S:
                said = time.monotonic()
                late = ", ".join(runner.service.name for runner in self._runners if not runner.is_ready.is_set())
                self._say(f"  still starting: {late}")
        self._up = not cancelled.is_set()
        self._changed()

    def stop(self) -> None:
        """End every service and return when nothing of them is left."""
        for runner in self._runners:
            runner.stop()
        for runner in self._runners:
            runner.has_ended.wait()
        forget_status(self._home)
        self._home.drop_outside()

    def _changed(self) -> None:
        with self._writing, suppress(OSError):  # a full disk must not stop a service
            services = tuple(runner.status for runner in self._runners)
            Status(pid=self._pid, up=self._up, settings=self._settings, services=services).write(self._home)
        self._change.set()
