"""What is measured runs here: the embedded services, and PayLink's own processes, each started and stopped alone."""

import contextlib
import os
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import psycopg2

from bench.common.generator import REPOSITORY
from bench.common.rules import Void
from paylink_local.services.environment import embedded_environment
from paylink_local.services.http import HOST, answers
from paylink_local.services.stack import embedded_stack
from paylink_local.services.testing import free_port
from paylink_local.supervisor.guarded import Command
from paylink_local.supervisor.home import Home
from paylink_local.supervisor.service import Runner, Service

PROCESSES = 2
"""Of each web server: as many as the gateway has by default."""

_TIMEOUT_S = 120


@dataclass
class Stack:
    """One home with Postgres, Valkey and LocalStack. `environ` is that of `paylink up` in it."""

    home: Home
    environ: dict[str, str]
    _running: dict[str, Runner] = field(default_factory=dict)

    def start(self, name: str, service: Service) -> None:
        """
        Start a service as the supervisor does, which also starts it again when it dies; a task is run to its end.

        Raises:
            Void: It did not start.
        """
        runner = Runner(service, home=self.home, say=lambda line: None, changed=lambda: None)
        # What it needs was started before.
        runner.start()
        self._running[name] = runner
        while not runner.is_ready.wait(0.05):
            if runner.failure is not None:
                raise Void(f"{name} did not start: {runner.failure}")
        if service.task:
            self.stop(name)

    def stop(self, name: str) -> None:
        runner = self._running.pop(name)
        runner.stop()
        runner.has_ended.wait()

    def runs(self, name: str) -> bool:
        return name in self._running

    def pid(self, name: str) -> int:
        pid = self._running[name].status.pid
        assert pid is not None
        return pid

    def pids(self) -> dict[str, int]:
        return {name: self.pid(name) for name in self._running}

    def stop_all(self) -> None:
        for name in reversed(list(self._running)):
            self.stop(name)

    def create_database(self, name: str) -> str:
        """Make a database in the same server and return its address."""
        url = self.environ["PAYLINK_DATABASE_URL"]
        with closing(psycopg2.connect(url)) as connection:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(f'create database "{name}"')
        return url.replace("/paylink?", f"/{name}?", 1)

    def bare_service(self, application: str, port: int, threads: int, environ: Mapping[str, str]) -> Service:
        """A yardstick, `module:name`, on Granian, with so many threads in each process."""
        granian = (sys.executable, "-P", "-m", "granian", "--interface", "wsgi", "--no-ws", "--http", "1")
        shape = ("--workers", str(PROCESSES), "--blocking-threads", str(threads), "--port", str(port), "--host", HOST)
        command = Command(
            name="bare",
            argv=(*granian, *shape, "--log-level", "warning", application),
            environ={"PATH": os.environ["PATH"], "PYTHONPATH": str(REPOSITORY), **environ},
            folder=self.home.path,
            log=self.home.logs / "bare.log",
        )
        return Service(name="bare", start=lambda: command, ready=lambda: answers(f"http://{HOST}:{port}/"))


@contextlib.contextmanager
def running_stack(**settings: str) -> Iterator[Stack]:
    """
    Run the services in a temporary home for the time of the block. Everything ends with this process.

    settings: of PayLink, other than its defaults.
    """
    os.umask(0o077)
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("PAYLINK_", "AWS_"))}
    with tempfile.TemporaryDirectory(prefix="paylink-bench-", ignore_cleanup_errors=True) as folder:
        home = Home(Path(folder) / "home")
        home.prepare()
        ports = {f"PAYLINK_{name}_PORT": str(free_port()) for name in ("API", "SANDBOX", "LOCALSTACK")}
        stack = Stack(home, embedded_environment(home, inherited | ports | settings))
        services = {service.name: service for service in embedded_stack(home, stack.environ, echo=False)}
        with home.held():
            try:
                for name in ("postgres", "valkey", "localstack"):
                    stack.start(name, services[name])
                yield stack
            finally:
                stack.stop_all()
                home.drop_outside()
