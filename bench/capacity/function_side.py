"""A warm function, seen from the benchmark."""

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from types import TracebackType
from typing import Any

from bench.capacity.inputs import Calls
from bench.common.rules import Void
from paylink_local.functions import apply_environment
from paylink_local.template import Template

_PROCESS = Path(__file__).with_name("function_process.py")


class Function:
    """It runs as on Lambda: one request at a time, and nothing goes on after an answer."""

    def __init__(self, template: Template, environ: Mapping[str, str], name: str, folder: Path) -> None:
        function = template.function(name)
        # With this set nothing is left to threads that go on after the answer: Lambda freezes them.
        environ = {**environ, "AWS_LAMBDA_RUNTIME_API": "127.0.0.1:9001"}
        apply_environment(template, environ)
        self._events = folder / f"{name}.json"
        self._process = subprocess.Popen(
            [sys.executable, "-P", _PROCESS, function.code, function.handler.partition(".")[2]],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environ,
        )

    def __enter__(self) -> "Function":
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()

    def call(self, events: Sequence[Any]) -> Calls:
        """
        Raises:
            Void: One was refused, or the function died.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._events.write_text(json.dumps(events))
        self._process.stdin.write(f"{self._events}\n")
        self._process.stdin.flush()
        logged = 0
        for line in self._process.stdout:
            if line.startswith('{"result": '):
                break
            logged += len(line.encode())
        else:
            raise Void("a function has died")
        result = json.loads(line)["result"]
        if result["bad"]:
            raise Void(f"{result['bad']} of {len(events)} events were refused")
        count = len(events)
        return Calls(
            cpu_us=1e6 * result["cpu_s"] / count,
            wall_us=1e6 * median(result["walls_s"]),
            database_round_trips=result["database"] / count,
            queue_calls=result["queue"] / count,
            log_bytes=logged / count,
        )
