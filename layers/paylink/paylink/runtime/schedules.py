"""Runs that no request asks for. A failure is logged here, redacted, as Lambda's own log repeats what is raised."""

from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

from paylink.core.tracing import current_span
from paylink.runtime.logs import begin_invocation, log
from paylink.runtime.traces import process_tracer

T = TypeVar("T")


class RunFailed(Exception):
    """The run failed, and counts as failed; why is logged already."""


def run_scheduled(name: str, run: Callable[[], T], context: Any) -> T:
    """
    Run what a schedule asks for; sampled like a request, it is the root of a trace, with the function's name.

    Raises:
        RunFailed: It raised something.
    """
    logged = partial(run_logged, run, context, "a scheduled run failed")
    tracer = process_tracer()
    if tracer is None or not tracer.sample():
        return logged()
    from paylink.runtime.request_traces import trace_run

    return trace_run(tracer, name, logged)


def run_logged(run: Callable[[], T], context: Any, failure: str) -> T:
    """
    Run what an invocation is for; `failure` is the message of the line that tells that it failed.

    Raises:
        RunFailed: It raised something.
    """
    begin_invocation(context)
    try:
        return run()
    except Exception as exc:
        log.exception(failure)
        span = current_span()
        if span is not None:
            span.fail(type(exc).__name__)
        failed = RunFailed("see the line before")
    # Outside the handling: it has no context that could be told.
    raise failed
