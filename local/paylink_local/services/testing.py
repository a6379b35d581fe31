"""The embedded services for tests."""

import contextlib
import os
import random
import socket
import threading
from collections.abc import Collection, Iterator
from pathlib import Path

from paylink_local.services.http import HOST
from paylink_local.services.localstack import LocalStack
from paylink_local.services.postgres import Postgres
from paylink_local.services.valkey import Valkey
from paylink_local.supervisor.errors import CannotRun
from paylink_local.supervisor.home import Home
from paylink_local.supervisor.supervisor import Supervisor

_PASSWORD = "paylink-test"  # noqa: S105  # of a database that only tests see
_PORT_MIN, _PORT_END = 20_000, 32_000
_ports_given: set[int] = set()


@contextlib.contextmanager
def embedded_services(home: Path, names: Collection[str]) -> Iterator[dict[str, str]]:
    """
    Run any of "postgres", "valkey", "localstack" for the time of the block, with their state in `home`.

    Gives the environment variables that lead to them, PAYLINK_DATABASE_URL and so on. They are restarted when they
    die, as under `paylink up`, and end with this process however it ends.

    Raises:
        CannotRun: One did not start. LocalStack must have been installed by scripts/install-localstack.
        ValueError: An unknown name.
    """
    if unknown := set(names) - {"postgres", "valkey", "localstack"}:
        raise ValueError(f"no such service: {', '.join(sorted(unknown))}")
    folder = Home(Path(os.path.abspath(home)))
    folder.prepare()
    postgres = Postgres(folder, password=_PASSWORD)
    valkey = Valkey(folder)
    localstack = LocalStack(folder, port=free_port())
    services = {"postgres": postgres.service(), "valkey": valkey.service(), "localstack": localstack.service()}
    environ = {
        "postgres": {"PAYLINK_DATABASE_URL": postgres.url, "PAYLINK_DATABASE_PASSWORD": _PASSWORD},
        "valkey": {"PAYLINK_REDIS_URL": valkey.url},
        "localstack": localstack.environ,
    }
    with folder.held() as is_ours:
        if not is_ours:
            raise CannotRun(f"another process runs its services in {home}")
        chosen = [services[name] for name in names]
        supervisor = Supervisor(chosen, home=folder, pid=os.getpid(), say=lambda line: None)
        try:
            supervisor.start(threading.Event())
            yield {name: value for service in names for name, value in environ[service].items()}
        finally:
            supervisor.stop()


def free_port() -> int:
    """
    Return a TCP port of the loopback interface that nobody uses now, each time another.

    None that the kernel gives to outgoing connections, of which one could take it before its server does.
    """
    while True:
        port = random.randrange(_PORT_MIN, _PORT_END)  # noqa: S311  # no secret
        with socket.socket() as server, contextlib.suppress(OSError):
            server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            server.bind((HOST, port))
            if port not in _ports_given:
                _ports_given.add(port)
                return port
