"""PayLink under Docker Compose, started as a user starts it, in a project and on ports of its own."""

import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from paylink_local.demo_client import DemoClient
from paylink_local.services.testing import free_port
from support.stack import REPOSITORY

BASES = ("python:3.13-slim-bookworm", "postgres:16-bookworm", "redis:7-bookworm", "localstack/localstack:4.12")
PROMETHEUS = "prom/prometheus:v2.53.4"
_HEALTHY_WITHIN_S = 120.0


@cache
def compose_command() -> tuple[str, ...] | None:
    """Return the words that call Docker Compose, version 2 or 1; None where there is none."""
    for words in (("docker", "compose"), ("docker-compose",)):
        if shutil.which(words[0]) and _run(*words, "version").returncode == 0:
            return words
    return None


def missing() -> str:
    """Say what a test of the containers lacks here; nothing when it can run."""
    if compose_command() is None:
        return "Docker Compose is not installed"
    if _run("docker", "info").returncode != 0:
        return "no Docker engine runs"
    lacking = [image for image in BASES if not has_image(image)]
    return f"the engine has no image {', '.join(lacking)}" if lacking else ""


def has_image(name: str) -> bool:
    return _run("docker", "image", "inspect", name).returncode == 0


def _run(
    *words: str, environ: dict[str, str] | None = None, timeout_s: float = 60
) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(words, env=environ, capture_output=True, text=True, timeout=timeout_s, check=False)


@dataclass
class Containers:
    """One Compose project, with the addresses at which a person reaches it."""

    project: str
    environ: dict[str, str]
    api: str
    sandbox: str
    merchant_key: str = ""

    @property
    def client(self) -> DemoClient:
        return DemoClient(self.api, self.sandbox, self.merchant_key)

    def compose(self, *words: str, timeout_s: float = 900) -> str:
        """Return what a call of Compose printed; it must succeed."""
        command = compose_command()
        assert command is not None
        done = _run(
            *(*command, "-p", self.project, "-f", str(REPOSITORY / "docker-compose.yml"), *words),
            environ=self.environ,
            timeout_s=timeout_s,
        )
        assert done.returncode == 0, f"{words}: {done.stdout}{done.stderr}"
        return done.stdout

    def docker(self, *words: str) -> str:
        done = _run("docker", *words)
        assert done.returncode == 0, f"{words}: {done.stderr}"
        return done.stdout.strip()

    def ids(self, service: str | None = None, *, running: bool = False) -> list[str]:
        """Return the containers of the project, or of one service."""
        labels = [f"label=com.docker.compose.project={self.project}"]
        if service:
            labels.append(f"label=com.docker.compose.service={service}")
        filters = [word for label in labels for word in ("--filter", label)]
        return self.docker("ps", "--quiet", *([] if running else ["--all"]), *filters).split()

    def state(self, container: str) -> dict[str, object]:
        [found] = json.loads(self.docker("inspect", container))
        state: dict[str, object] = found["State"]
        return state

    def await_healthy(self) -> float:
        """Wait until every container that is to run is healthy; return the seconds it took."""
        began = time.monotonic()
        while time.monotonic() - began < _HEALTHY_WITHIN_S:
            found = [json.loads(self.docker("inspect", i))[0] for i in self.ids()]
            staying = [
                c for c in found if c["Config"]["Labels"]["com.docker.compose.service"] not in ("settings", "migrate")
            ]
            if staying and all(c["State"].get("Health", {}).get("Status") == "healthy" for c in staying):
                return time.monotonic() - began
            time.sleep(0.2)
        raise AssertionError(self.compose("ps") + self.compose("logs", "--tail=20"))

    def up(self, *words: str) -> float:
        """Start what does not run, wait until it is healthy, and return the seconds that both took."""
        began = time.monotonic()
        self.compose("up", "-d", *words)
        self.await_healthy()
        took = time.monotonic() - began
        if not self.merchant_key:
            self.merchant_key = self.paylink_setting("PAYLINK_DEMO_MERCHANT_KEY")
        return took

    def paylink_setting(self, name: str) -> str:
        return self.compose("exec", "-T", "worker", "with-settings", "printenv", name).strip()

    def paylink(self, *words: str) -> str:
        return self.compose("exec", "-T", "worker", "paylink", *words)


@contextmanager
def containers(project: str) -> Iterator[Containers]:
    """Give a project that was never started, and leave nothing of it behind."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("PAYLINK_", "AWS_"))}
    api, sandbox = free_port(), free_port()
    settings = {
        "PAYLINK_API_PORT": str(api),
        "PAYLINK_SANDBOX_PORT": str(sandbox),
        "DOCKER_BUILDKIT": "1",
        "COMPOSE_DOCKER_CLI_BUILD": "1",
        "COMPOSE_PROJECT_NAME": project,
    }
    stack = Containers(project, inherited | settings, f"http://localhost:{api}", f"http://localhost:{sandbox}")
    file = REPOSITORY / ".env"
    with _env_file(file):
        try:
            yield stack
        finally:
            stack.compose("down", "--volumes", "--remove-orphans")


@contextmanager
def _env_file(file: Path) -> Iterator[None]:
    """Compose wants the file to be there; that of a person stays as it is."""
    made = not file.exists()
    if made:
        shutil.copyfile(REPOSITORY / ".env.example", file)
    try:
        yield
    finally:
        if made:
            file.unlink()
