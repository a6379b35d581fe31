"""The running stack, started as a user starts it, on ports and a state folder of its own."""

import os
import subprocess
from collections.abc import Iterator

import pytest

from paylink_local.demo_client import DemoClient
from paylink_local.instance import load_environment
from paylink_local.services.testing import free_port
from support.running import COMMAND, RunningStack


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    home = tmp_path_factory.mktemp("running")
    ports = {f"PAYLINK_{name}_PORT": str(free_port()) for name in ("API", "SANDBOX", "LOCALSTACK")}
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("PAYLINK_", "AWS_"))}
    environ = inherited | ports | {"PAYLINK_HOME": str(home)}
    started = subprocess.run(
        [COMMAND, "up", "-d"], env=environ, capture_output=True, text=True, timeout=180, check=False
    )
    assert started.returncode == 0, started.stdout + started.stderr
    settings = load_environment(home, environ)
    api, sandbox = settings["PAYLINK_PUBLIC_URL"], f"http://localhost:{settings['PAYLINK_SANDBOX_PORT']}"
    stack = RunningStack(home, environ, DemoClient(api, sandbox, settings["PAYLINK_DEMO_MERCHANT_KEY"]), api, sandbox)
    try:
        yield stack
    finally:
        stopped = stack.paylink("down")
        assert stopped.returncode == 0, stopped.stdout + stopped.stderr
