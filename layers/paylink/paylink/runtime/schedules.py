"""Scheduled runs: one that fails is logged here, redacted, for Lambda's own log repeats what an exception says."""

from collections.abc import Callable
from typing import Any, TypeVar

from paylink.runtime.logs import begin_invocation, log

T = TypeVar("T")


class RunFailed(Exception):
    """The run failed, and counts as failed; why is logged already."""


def run_scheduled(run: Callable[[], T], context: Any) -> T:
    """
    Run what a schedule asks for.

    Raises:
        RunFailed: It raised something.
    """
    begin_invocation(context)
    try:
        return run()
    except Exception:
        log.exception("a scheduled run failed")
        failed = RunFailed("see the line before")
    # Outside the handling: it has no context that could be told.
    raise failed
