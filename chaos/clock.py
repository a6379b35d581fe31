"""The fault of a wrong clock: the gateway's processes, and nobody else, read a time of day that is off."""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from chaos.processes import await_end, if_alive, supervisor_held
from chaos.stack import Stack, StackFailed
from paylink_local.services.http import answers

_SOURCE = Path(__file__).with_name("skewed_clock.c")
_READY_WITHIN_S = 30.0


def cannot_skew() -> str | None:
    """Return why this machine cannot give a process another time, None if it can."""
    if sys.platform != "linux":
        return "a clock of its own is preloaded into the gateway, which needs Linux"
    return None if _compiler() else "a clock of its own is preloaded into the gateway, which needs a C compiler"


def build(folder: Path) -> Path:
    """Compile what is preloaded; return the library."""
    library = folder / "skewed_clock.so"
    subprocess.run([_compiler() or "cc", "-shared", "-fPIC", "-O2", "-o", library, _SOURCE], check=True)
    return library


@contextmanager
def skewed_gateway(stack: Stack, skew_s: int) -> Iterator[None]:
    """
    Run the gateway on a clock that is `skew_s` seconds ahead (behind, when negative) for the time of the block.

    Raises:
        StackFailed: It does not serve within half a minute.
    """
    with tempfile.TemporaryDirectory(prefix="chaos-clock-") as folder, supervisor_held(stack):
        library = build(Path(folder))
        main = stack.process("gateway")
        argv, environ, cwd = main.cmdline(), main.environ(), main.cwd()
        family = [main, *main.children(recursive=True)]
        for process in family:
            if_alive(process.kill)
        for process in family:
            await_end(process)
        skewed = environ | {"LD_PRELOAD": str(library), "CHAOS_CLOCK_SKEW_S": str(skew_s)}
        with open(stack.home.logs / "gateway-skewed.log", "ab") as log:
            gateway = subprocess.Popen(argv, env=skewed, cwd=cwd, stdout=log, stderr=log)
        try:
            _await_answer(stack)
            yield
        finally:
            gateway.terminate()
            gateway.wait(30)


def _await_answer(stack: Stack) -> None:
    stop_at = time.monotonic() + _READY_WITHIN_S
    while not answers(f"{stack.api}/healthz"):
        if time.monotonic() > stop_at:
            raise StackFailed("the gateway on another clock does not serve")
        time.sleep(0.05)


def _compiler() -> str | None:
    return shutil.which(os.environ.get("CC", "cc"))
