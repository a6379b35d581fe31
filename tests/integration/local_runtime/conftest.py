"""Runs the gateway and the worker as processes, over a template and functions that a test writes."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import textwrap
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from paylink_local.services.testing import embedded_services, free_port

HEAD = """\
Transform: AWS::Serverless-2016-10-31
Globals:
  Function: {Timeout: 10}
  Api: {BinaryMediaTypes: ["*~1*"]}
Resources:
"""
HELLO = """\
HelloFunction:
  Type: AWS::Serverless::Function
  Properties:
    CodeUri: functions/hello/
    Handler: app.handler
    Events:
      Get: {Type: Api, Properties: {Path: /hello, Method: get}}
      Post: {Type: Api, Properties: {Path: /hello, Method: post}}
"""


def wait_until(condition: Callable[[], Any], timeout_s: float = 20, what: str = "the condition") -> Any:
    """Return what `condition` returns once that is true; fail after a while."""
    deadline_s = time.monotonic() + timeout_s
    while time.monotonic() < deadline_s:
        if found := condition():
            return found
        time.sleep(0.05)
    raise AssertionError(f"{what} did not come true within {timeout_s} s")


class Process:
    """A running gateway or worker, and its log."""

    def __init__(self, popen: "subprocess.Popen[bytes]", log: Path) -> None:
        self.popen = popen
        self._log = log

    @property
    def log_text(self) -> str:
        return self._log.read_text(encoding="utf-8")

    def lines(self, **fields: Any) -> list[dict[str, Any]]:
        """Return the JSON lines of the log that have these fields."""
        lines = [json.loads(line) for line in self.log_text.splitlines() if line.startswith("{") and line[-1] == "}"]
        return [line for line in lines if fields.items() <= line.items()]

    def terminate(self) -> tuple[int, float]:
        """Send SIGTERM; return the exit code and the seconds it took."""
        started_s = time.monotonic()
        self.popen.send_signal(signal.SIGTERM)
        return self.popen.wait(15), time.monotonic() - started_s


class Project:
    """A folder with a template and functions."""

    def __init__(self, folder: Path, environ: dict[str, str]) -> None:
        self.folder = folder
        self.environ = os.environ | environ | {"PAYLINK_TEMPLATE": str(folder / "template.yaml")}
        self.environ["PYTHONDONTWRITEBYTECODE"] = ""
        self._processes = 0

    def write(self, resources: str, **functions: str) -> None:
        """Write the template's resources, and for each function its app.py."""
        (self.folder / "template.yaml").write_text(HEAD + textwrap.indent(textwrap.dedent(resources), "  "))
        for name, source in functions.items():
            (self.folder / "functions" / name).mkdir(parents=True, exist_ok=True)
            (self.folder / "functions" / name / "app.py").write_text(textwrap.dedent(source))

    def write_hello(self, hello: str, more: str = "", **functions: str) -> None:
        """Write a template with a function that answers GET and POST of /hello, and with `more` resources."""
        self.write(HELLO + more, hello=hello, **functions)

    @contextlib.contextmanager
    def run(self, module: str, **environ: str) -> Iterator[Process]:
        """Run a module of `paylink_local` for the time of the block."""
        self._processes += 1
        log = self.folder / f"{module}-{self._processes}.log"
        with log.open("wb") as out:
            popen = subprocess.Popen(
                [sys.executable, "-m", f"paylink_local.{module}"],
                env=self.environ | environ,
                stdout=out,
                stderr=subprocess.STDOUT,
            )
        process = Process(popen, log)
        try:
            yield process
        except BaseException:
            print(process.log_text)
            raise
        finally:
            if popen.poll() is None:
                popen.kill()
                popen.wait()

    @contextlib.contextmanager
    def gateway(self, processes: int = 2) -> Iterator[tuple[Process, int]]:
        """Run the gateway on a free port, and wait until each of its processes serves."""
        port = free_port()
        environ = {"PAYLINK_API_PORT": str(port), "PAYLINK_GATEWAY_PROCESSES": str(processes)}
        with self.run("gateway", **environ) as process:
            wait_until(lambda: process.log_text.count('"process ready"') == processes, what="the gateway")
            wait_until(lambda: _answers(port), what="the gateway's port")
            yield process, port

    @contextlib.contextmanager
    def worker(self, **environ: str) -> Iterator[Process]:
        """Run the worker, and wait until it polls."""
        sign = self.folder / f"ready-{self._processes}"
        with self.run("worker", PAYLINK_READY_FILE=str(sign), **environ) as process:
            wait_until(lambda: sign.exists() or process.popen.poll() is not None, what="the worker")
            assert sign.exists(), process.log_text
            yield process

    def sqs(self) -> Any:
        """Return a client of the SQS that the processes use."""
        return boto3.client(
            "sqs",
            endpoint_url=self.environ["AWS_ENDPOINT_URL_SQS"],
            region_name="ap-southeast-3",
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )


def _answers(port: int) -> bool:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        opener.open(f"http://127.0.0.1:{port}/", timeout=2)
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
    return True


@pytest.fixture(scope="session")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """A Postgres and a LocalStack of their own."""
    with embedded_services(tmp_path_factory.mktemp("home"), {"postgres", "localstack"}) as environ:
        yield environ


@pytest.fixture(scope="session")
def until() -> Callable[..., Any]:
    """Wait until something is true."""
    return wait_until


@pytest.fixture(scope="session")
def project_type() -> type[Project]:
    """For a project that several tests share."""
    return Project


@pytest.fixture
def offline_project(tmp_path: Path) -> Project:
    """A project whose processes need no service."""
    return Project(tmp_path, {})


@pytest.fixture
def project(tmp_path: Path, services: dict[str, str]) -> Project:
    """A project beside Postgres and LocalStack."""
    return Project(tmp_path, services)
