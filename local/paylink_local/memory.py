"""Folders in memory, for files that are written often and need not outlive the machine's run."""

import os
import tempfile
from pathlib import Path

_SHARED_MEMORY = Path("/dev/shm")  # noqa: S108  # a folder of our own is made in it


def memory_folder() -> Path:
    """Make a folder for this user alone, in memory where the system has such a place."""
    in_memory = _SHARED_MEMORY.is_dir() and os.access(_SHARED_MEMORY, os.W_OK)
    return Path(tempfile.mkdtemp(prefix="paylink-", dir=_SHARED_MEMORY if in_memory else None))
