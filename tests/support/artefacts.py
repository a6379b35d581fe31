"""What `sam build` makes, and functions of it under AWS' runtime interface emulator, which is part of the SAM CLI."""

import fcntl
import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import urllib3

from paylink_local.services.testing import free_port
from paylink_local.template import Function
from support.amazon_linux import HERE, LAMBDA_PYTHON, MACHINES, lambda_python, run
from support.stack import REPOSITORY

SAM = REPOSITORY / ".paylink" / "sam"
RUNTIME = REPOSITORY / "tests" / "integration" / "aws" / "runtime"
_PATIENCE_S = 60.0
_http = urllib3.PoolManager(retries=False, timeout=_PATIENCE_S)


def find_uv() -> str:
    return shutil.which("uv") or str(REPOSITORY / ".paylink" / "tools" / "bin" / "uv")


def sam(*arguments: object, **environ: str) -> str:
    quiet = {"SAM_CLI_TELEMETRY": "0", "AWS_DEFAULT_REGION": "ap-southeast-3"}
    return run(SAM / "bin" / "sam", *arguments, cwd=REPOSITORY, env=os.environ | quiet | environ)


@dataclass(frozen=True)
class Artefacts:
    """`folder` has one folder for each function and layer, by their logical ids."""

    folder: Path
    runtime: Path
    python: Sequence[str]

    @classmethod
    def build(cls, folder: Path) -> "Artefacts":
        """Build in `folder`, or take what another process of the same test run has built there."""
        with (folder.parent / f"{folder.name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not (folder / "whole").exists():
                cls._build(folder)
                (folder / "whole").touch()
        return cls(folder / "built", folder / "runtime", lambda_python(HERE))

    @staticmethod
    def _build(folder: Path) -> None:
        sam("build", "--build-dir", folder / "built", ARCHITECTURE=HERE)
        run(
            find_uv(), "pip", "install", "--quiet", "--no-deps", "--require-hashes", "--only-binary", ":all:",
            "--python-version", LAMBDA_PYTHON, "--python-platform", f"{MACHINES[HERE]}-manylinux_2_28",
            "--target", folder / "runtime", "--requirements", RUNTIME / "requirements.txt",
        )  # fmt: skip

    @contextmanager
    def running(
        self, function: Function, environ: Mapping[str, str], layers: Sequence[str] = ("PaylinkLayer", "CryptoLayer")
    ) -> Iterator["Running"]:
        """Start one function in an interpreter that sees it, the layers and the runtime, with `environ` alone."""
        code = self.folder / function.logical_id
        folders = [code, *(self.folder / layer / "python" for layer in layers), self.runtime]
        port = free_port()
        command = [
            str(next(SAM.rglob(f"aws-lambda-rie-{HERE}"))), "--log-level", "error",
            "--runtime-interface-emulator-address", f"127.0.0.1:{port}",
            "--runtime-api-address", f"127.0.0.1:{free_port()}",
            *self.python, str(RUNTIME / "bootstrap.py"), function.handler, *map(str, folders),
        ]  # fmt: skip
        given = {
            "PATH": "/usr/bin:/bin",
            "AWS_LAMBDA_FUNCTION_NAME": function.logical_id,
            "AWS_LAMBDA_FUNCTION_TIMEOUT": str(function.timeout_s),
            "LAMBDA_TASK_ROOT": str(code),
            **environ,
            "PAYLINK_SQL_DIR": str(self.folder / "PaylinkLayer" / "sql"),
        }
        process = subprocess.Popen(
            command, cwd=code, env=given, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True
        )
        try:
            yield Running(process, f"http://127.0.0.1:{port}/2015-03-31/functions/function/invocations")
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()


@dataclass(frozen=True)
class Running:
    process: "subprocess.Popen[bytes]"
    url: str

    def invoke(self, event: Any) -> Any:
        """Return the function's answer; the first one waits until the emulator is there."""
        body = json.dumps(event).encode()
        give_up = time.monotonic() + _PATIENCE_S
        while True:
            try:
                return json.loads(_http.request("POST", self.url, body=body).data)
            except urllib3.exceptions.NewConnectionError:
                assert self.process.poll() is None, self.process.communicate()[0].decode()
                assert time.monotonic() < give_up, "the emulator does not answer"
                time.sleep(0.02)
