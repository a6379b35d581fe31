"""The gateway and the worker as processes, over PayLink's own template and a test's stack."""

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import urllib3

from paylink_local.services.testing import free_port
from support.stack import Stack


@contextlib.contextmanager
def running_gateway(stack: Stack, log: Path, **settings: str) -> Iterator[tuple[int, int]]:
    """Serve in one process on a free port for the time of the block; gives the port, and the parent process' id."""
    port = free_port()
    own = {"PAYLINK_API_PORT": str(port), "PAYLINK_GATEWAY_PROCESSES": "1"}
    with running("gateway", log, os.environ | stack.environ | own | settings) as process:
        _await_health(port)
        yield port, process.pid


@contextlib.contextmanager
def running_worker(stack: Stack, log: Path, **settings: str) -> Iterator["subprocess.Popen[bytes]"]:
    """Run the worker for the time of the block, which begins once it polls its queues."""
    ready = log.with_suffix(".ready")
    own = {"PAYLINK_READY_FILE": str(ready), "PAYLINK_SCHEDULE_RATE_MAX_S": "1"}
    with running("worker", log, os.environ | stack.environ | own | settings) as process:
        stop_at = time.monotonic() + 30
        while not ready.exists():
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < stop_at, log.read_text()
            time.sleep(0.05)
        yield process


@contextlib.contextmanager
def running(module: str, log: Path, environ: dict[str, str]) -> Iterator["subprocess.Popen[bytes]"]:
    """Run a module of `paylink_local` for the time of the block."""
    with log.open("wb") as out:
        command = [sys.executable, "-m", f"paylink_local.{module}"]
        process = subprocess.Popen(command, env=environ, stdout=out, stderr=subprocess.STDOUT)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(20)


def _await_health(port: int) -> None:
    for _ in range(400):
        with contextlib.suppress(urllib3.exceptions.HTTPError):
            if urllib3.request("GET", f"http://127.0.0.1:{port}/healthz", retries=False, timeout=2).status == 200:
                return
        time.sleep(0.05)
    raise AssertionError("the gateway did not start")
