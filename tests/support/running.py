"""A running stack, started as a user starts it, and seen from outside."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from paylink_local.demo_client import DemoClient
from paylink_local.instance import load_environment
from paylink_local.services.testing import free_port
from paylink_local.supervisor.home import Home
from paylink_local.supervisor.status import Status, read_status
from support.stack import REPOSITORY

COMMAND = str(REPOSITORY / ".venv" / "bin" / "paylink")


@dataclass
class RunningStack:
    home: Path
    environ: dict[str, str]
    client: DemoClient
    api: str
    sandbox: str

    def paylink(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [COMMAND, *arguments], env=self.environ, capture_output=True, text=True, timeout=120, check=False
        )

    def status(self) -> Status:
        status = read_status(Home(self.home))
        assert status is not None
        return status


@contextmanager
def started(home: Path, **settings: str) -> Iterator[RunningStack]:
    """Start a stack on ports of its own, with its state in `home`, and stop it at the end."""
    ports = {f"PAYLINK_{name}_PORT": str(free_port()) for name in ("API", "SANDBOX", "LOCALSTACK")}
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("PAYLINK_", "AWS_"))}
    environ = inherited | ports | settings | {"PAYLINK_HOME": str(home)}
    begun = subprocess.run([COMMAND, "up", "-d"], env=environ, capture_output=True, text=True, timeout=180, check=False)
    assert begun.returncode == 0, begun.stdout + begun.stderr
    known = load_environment(home, environ)
    api, sandbox = known["PAYLINK_PUBLIC_URL"], f"http://localhost:{known['PAYLINK_SANDBOX_PORT']}"
    stack = RunningStack(home, environ, DemoClient(api, sandbox, known["PAYLINK_DEMO_MERCHANT_KEY"]), api, sandbox)
    try:
        yield stack
    finally:
        stopped = stack.paylink("down")
        assert stopped.returncode == 0, stopped.stdout + stopped.stderr
