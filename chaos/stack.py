"""The embedded stack under test: started by `paylink up`, in a state folder and on ports of its own."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import psycopg2
import psycopg2.extras

from paylink_local.services.environment import embedded_environment
from paylink_local.services.testing import free_port
from paylink_local.supervisor.home import Home
from paylink_local.supervisor.status import Status, read_status

_PAYLINK = (sys.executable, "-P", "-m", "paylink_local.cli")
_START_S = 180
_SETTINGS = {
    # The load is one merchant's, and is to be held up by faults only.
    "PAYLINK_RATE_LIMIT_PER_S": "10000",
    "PAYLINK_RATE_LIMIT_BURST": "10000",
    # Hours of a provider's retry schedule pass in seconds, and an outage still fits between two tries.
    "PAYLINK_SANDBOX_TIME_SCALE": "240",
}


class StackFailed(Exception):
    """The stack did not start, stop or recover; the message says what it told."""


@dataclass(frozen=True)
class Stack:
    """A running stack. environ: everything its own processes were started with."""

    home: Home
    environ: Mapping[str, str]

    @property
    def api(self) -> str:
        return self.environ["PAYLINK_PUBLIC_URL"]

    @property
    def sandbox(self) -> str:
        return f"http://localhost:{self.environ['PAYLINK_SANDBOX_PORT']}"

    def status(self) -> Status:
        status = read_status(self.home)
        if status is None:
            raise StackFailed("the supervisor is gone")
        return status

    def process(self, service: str) -> psutil.Process:
        """
        Raises:
            StackFailed: The service does not run now.
        """
        pid = next(s.pid for s in self.status().services if s.name == service)
        if pid is None:
            raise StackFailed(f"{service} does not run")
        return psutil.Process(pid)

    def await_healthy(self, within_s: float) -> None:
        """
        Raises:
            StackFailed: Some service is not up by then.
        """
        stop_at = time.monotonic() + within_s
        while not self.status().is_healthy:
            if time.monotonic() > stop_at:
                down = [s.name for s in self.status().services if not s.state.is_up]
                raise StackFailed(f"not healthy after {within_s:g} s: {', '.join(down)}")
            time.sleep(0.05)

    def rows(self, sql: str, **parameters: Any) -> list[dict[str, Any]]:
        """
        Run one statement, outside of everything that PayLink's own pool does.

        Raises:
            StackFailed: The database does not answer.
        """
        try:
            with closing(self.connect()) as connection, connection.cursor() as cursor:
                cursor.execute(sql, parameters)
                return [dict(row) for row in cursor.fetchall()]
        except psycopg2.OperationalError as exc:
            raise StackFailed(f"the database does not answer: {exc}") from exc

    def connect(self) -> Any:
        connection = psycopg2.connect(
            self.environ["PAYLINK_DATABASE_URL"],
            cursor_factory=psycopg2.extras.RealDictCursor,
            application_name="chaos",
            connect_timeout=5,
        )
        connection.autocommit = True
        return connection


@contextmanager
def new_home() -> Iterator[Home]:
    """Make a state folder for one trial, and delete it in the end."""
    with tempfile.TemporaryDirectory(prefix="chaos-") as folder:
        home = Home(Path(folder) / "home")
        home.prepare()
        yield home


@contextmanager
def running_stack(home: Home) -> Iterator[Stack]:
    """
    Start the stack in `home` on free ports; stop it in the end.

    Raises:
        StackFailed: It did not start, or not stop.
    """
    ports = {f"PAYLINK_{name}_PORT": str(free_port()) for name in ("API", "SANDBOX", "LOCALSTACK")}
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("PAYLINK_", "AWS_"))}
    environ = inherited | _SETTINGS | ports | {"PAYLINK_HOME": str(home.path)}
    try:
        _paylink(environ, "up", "-d")
        yield Stack(home, embedded_environment(home, environ))
    finally:
        _paylink(environ, "down")


def _paylink(environ: Mapping[str, str], *arguments: str) -> None:
    done = subprocess.run(
        [*_PAYLINK, *arguments], env=environ, capture_output=True, text=True, timeout=_START_S, check=False
    )
    if done.returncode != 0:
        raise StackFailed(f"paylink {' '.join(arguments)}: {(done.stdout + done.stderr).strip()[-2000:]}")
