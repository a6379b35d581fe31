"""The fault of a full disk: the database lies on a small one of its own, in memory, and that is filled up."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from chaos.stack import Stack
from paylink_local.supervisor.home import Home

_SIZE_MB = 384
_FOLDER = "postgres"
_BLOCK = bytes(1024 * 1024)


def cannot_mount() -> str | None:
    """Return why this machine cannot give the database a small disk, None if it can."""
    if sys.platform != "linux" or os.geteuid() != 0 or shutil.which("mount") is None:
        return "a small disk is mounted for the database, which needs Linux and root"
    return None


@contextmanager
def small_disk(home: Home) -> Iterator[None]:
    """Give the database of a stack that is not started yet a disk of 384 MB, in memory."""
    folder = home.path / _FOLDER
    folder.mkdir(mode=0o700)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={_SIZE_MB}m,mode=0700", "chaos", folder], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", folder], check=True)


@contextmanager
def filled(stack: Stack) -> Iterator[None]:
    """Leave not one free block on the small disk for the time of the block."""
    ballast = stack.home.path / _FOLDER / "ballast"
    assert os.path.ismount(ballast.parent), "only a disk of our own is ever filled"
    try:
        _fill(ballast)
        yield
    finally:
        ballast.unlink()


def _fill(ballast: Path) -> None:
    size = len(_BLOCK)
    with open(ballast, "wb", buffering=0) as file:
        while size:
            try:
                file.write(_BLOCK[:size])
            except OSError:
                size //= 2
