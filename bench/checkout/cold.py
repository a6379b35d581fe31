"""Cold starts: a function in a new interpreter, and what it imports."""

import json
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.common.rules import Void
from paylink_local.functions import apply_environment
from paylink_local.template import Function, Template

_PROCESS = Path(__file__).with_name("cold_process.py")
_IMPORT = re.compile(r"^import time:\s+(\d+) \|\s+\d+ \|\s+(\S+)$", re.M)


@dataclass(frozen=True)
class Start:
    cpu_ms: float
    answer: Any
    told: str
    """What Python said about its imports, if it was asked."""


class Starter:
    """Starts functions with an environment such as Lambda gives them; events pass through a file in `folder`."""

    def __init__(self, template: Template, environ: Mapping[str, str], folder: Path) -> None:
        # With this set nothing is left to threads that go on after the answer: Lambda freezes them.
        self._environ = {**environ, "AWS_LAMBDA_RUNTIME_API": "127.0.0.1:9001"}
        self._environ.pop("PYTHONDONTWRITEBYTECODE", None)
        apply_environment(template, self._environ)
        self._event = folder / "event.json"

    def bare_ms(self) -> float:
        """Return the processor time of an interpreter that imports nothing of ours."""
        code = "import time; print(1000 * time.process_time())"
        done = subprocess.run([sys.executable, "-P", "-c", code], env=self._environ, capture_output=True, check=True)
        return float(done.stdout)

    def start(self, function: Function, event: Any, *, imports: bool = False) -> Start:
        """
        Raises:
            Void: It gave no answer.
        """
        self._event.write_text(json.dumps(event))
        flags = ("-P", *(("-X", "importtime") if imports else ()))
        attribute = function.handler.partition(".")[2]
        done = subprocess.run(
            [sys.executable, *flags, _PROCESS, function.code, attribute, self._event],
            env=self._environ,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise Void(f"{function.name} did not answer: {done.stderr[-2000:]}")
        # Before it stand the log's lines.
        found = json.loads(done.stdout.splitlines()[-1])
        return Start(found["cpu_ms"], found["answer"], done.stderr)


def dearest_imports(told: str, count: int = 4) -> dict[str, float]:
    """
    Return the packages that took longest to import, in milliseconds; modules of the standard library are one.

    What a package imports in its turn counts for that.
    """
    spent: Counter[str] = Counter()
    for micros, module in _IMPORT.findall(told):
        package = module.partition(".")[0]
        spent["standard library" if package in sys.stdlib_module_names else package] += int(micros)
    return {package: micros / 1000 for package, micros in spent.most_common(count)}
