"""Prometheus and its tool, as ./scripts/test installs them."""

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from support.stack import REPOSITORY

OBSERVABILITY = REPOSITORY / "observability"
_INSTALLED = REPOSITORY / ".paylink" / "prometheus" / "usr" / "bin"


def program(name: str) -> str:
    """Return the path of `prometheus` or `promtool`."""
    found = shutil.which(name, path=os.pathsep.join([os.environ.get("PATH", ""), str(_INSTALLED)]))
    assert found is not None, f"{name} is not there: run ./scripts/test once"
    return found


def promtool(*arguments: str, folder: Path = OBSERVABILITY) -> "subprocess.CompletedProcess[str]":
    command: Sequence[str] = [program("promtool"), *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120)
