"""The worker process, seen from the benchmark."""

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from bench.common.generator import REPOSITORY
from bench.common.rules import Void


class Worker:
    """`environ` is that of PayLink's own processes; what it logs goes to `log`."""

    def __init__(self, environ: Mapping[str, str], log: Path) -> None:
        self._log = log
        with log.open("ab") as errors:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "bench.reconcile.worker_process"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                env={"PATH": os.environ["PATH"], **environ, "PYTHONPATH": str(REPOSITORY)},
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    def do(self, what: str, **told: Any) -> dict[str, Any]:
        """
        Have it do something, and wait for its answer.

        Raises:
            Void: It could not.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(json.dumps({"do": what, **told}) + "\n")
            self._process.stdin.flush()
        line = self._process.stdout.readline()
        answer: dict[str, Any] = json.loads(line) if line else {"failed": self._log.read_text()[-2000:]}
        if "failed" in answer:
            raise Void(f"{what}: {answer['failed']}")
        return answer

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()


@contextlib.contextmanager
def worker(environ: Mapping[str, str], log: Path) -> Iterator[Worker]:
    """Run a new worker process for the time of the block."""
    side = Worker(environ, log)
    try:
        yield side
    finally:
        side.close()
