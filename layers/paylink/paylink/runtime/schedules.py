"""Runs that no request asks for. A failure is logged here, redacted, as Lambda's own log repeats what is raised."""

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
    return run_logged(run, context, "a scheduled run failed")


def run_logged(run: Callable[[], T], context: Any, failure: str) -> T:
    """
    Run what an invocation is for; `failure` is the message of the line that tells that it failed.

    Raises:
        RunFailed: It raised something.
    """
    begin_invocation(context)
    try:
        return run()
    except Exception:
        log.exception(failure)
        failed = RunFailed("see the line before")
    # Outside the handling: it has no context that could be told.
    raise failed
