"""A running stack as seen from outside."""

import subprocess
from dataclasses import dataclass
from pathlib import Path

from paylink_local.demo_client import DemoClient
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
