"""Where the gateway's processes and the worker keep what they count, and their using it."""

import logging
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from paylink.runtime.kept_metrics import KeptMetrics
from paylink.runtime.process_metrics import use_metrics
from paylink_local.memory import memory_folder

SETTING = "PAYLINK_METRICS_DIR"

_log = logging.getLogger("paylink_local.figures")


@contextmanager
def metrics_folder(*, own: bool = False) -> Iterator[Path]:
    """
    Give this process and its children the folder that PAYLINK_METRICS_DIR names, else one for the time of the block;
    with `own`, one for the time of the block in any case.
    """
    given = os.environ.get(SETTING)
    if given and not own:
        yield Path(given)
        return
    folder = memory_folder()
    os.environ[SETTING] = str(folder)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        del os.environ[SETTING]


def keep_metrics(process: str) -> None:
    """Count in the folder from now on. Where that is not possible it is told, and work goes on uncounted."""
    try:
        use_metrics(KeptMetrics(Path(os.environ[SETTING]), process))
    except OSError as exc:
        _log.warning("what this process does is not counted: %s", exc)
