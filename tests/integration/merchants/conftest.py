"""What the tests of merchants, keys and accounts share."""

import os
import subprocess
import sys
from collections.abc import Callable

import pytest

from support.stack import Stack

Command = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def paylink(stack: Stack) -> Command:
    """Runs the command `paylink` as a person does, beside the stack; `stdin` is piped in."""

    def run(*arguments: str, stdin: str = "", **environ: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "-m", "paylink_local.cli", *arguments],
            env=os.environ | stack.environ | environ,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return run
