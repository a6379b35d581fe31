"""Sandboxes for tests: on a free port, in this process or in one of their own."""

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import urllib3
from werkzeug.serving import make_server

from paylink_sandbox.app import Background, create_app
from paylink_sandbox.config import Config

_HOST = "127.0.0.1"
_START_WITHIN_S = 20.0
_STOP_WITHIN_S = 12.0
_POLL_S = 0.05


@contextmanager
def running_sandbox(
    environment: Mapping[str, str], *, clock: Callable[[], float] = time.time, seed: int | None = None
) -> Iterator[str]:
    """
    Serve a sandbox from threads of this process and yield its base address.

    environment: as for the program: PAYLINK_HOME (use a temporary folder), PAYLINK_PROVIDERS with their credentials,
        PAYLINK_PUBLIC_URL (webhooks go to `/v1/webhook/<slug>` there), PAYLINK_SANDBOX_TIME_SCALE. The port is chosen
        here. clock: epoch seconds. seed: fixes the order and the repetition of webhooks.
    """
    with socket.create_server((_HOST, 0)) as listener:
        port = listener.getsockname()[1]
        settings = {"PAYLINK_ENVIRONMENT": "test", **environment, "PAYLINK_SANDBOX_PORT": str(port)}
        app = create_app(Config.from_environment(settings, clock=clock, seed=seed))
        background: Background = app.extensions["sandbox"]
        server = make_server(_HOST, port, app, threaded=True, fd=listener.fileno())
        thread = threading.Thread(target=server.serve_forever, args=(_POLL_S,), name="sandbox", daemon=True)
        background.start()
        thread.start()
        try:
            yield f"http://{_HOST}:{port}"
        finally:
            server.shutdown()
            thread.join()
            server.server_close()
            background.stop()


@contextmanager
def sandbox_process(environment: Mapping[str, str]) -> Iterator[tuple[str, "subprocess.Popen[bytes]"]]:
    """Run `python -m paylink_sandbox` with these settings; yield its base address and the process, and stop it."""
    with socket.create_server((_HOST, 0)) as listener:
        port = listener.getsockname()[1]
    chosen = {"PAYLINK_ENVIRONMENT": "test", "PAYLINK_SANDBOX_PORT": str(port), **environment}
    process = subprocess.Popen([sys.executable, "-m", "paylink_sandbox"], env={**os.environ, **chosen})
    try:
        url = f"http://{_HOST}:{chosen['PAYLINK_SANDBOX_PORT']}"
        _wait_until_healthy(url, process)
        yield url, process
    finally:
        process.terminate()
        try:
            process.wait(_STOP_WITHIN_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_until_healthy(url: str, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + _START_WITHIN_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"the sandbox ended with code {process.returncode}")
        try:
            if urllib3.request("GET", f"{url}/healthz", retries=False, timeout=1).status == 200:
                return
        except urllib3.exceptions.HTTPError:
            time.sleep(0.05)
    raise RuntimeError(f"the sandbox at {url} did not become healthy")
