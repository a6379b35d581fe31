"""
Where this process counts what it does: on Lambda for one line per invocation, in a long-lived process in a file that
its runtime has chosen, elsewhere nowhere.
"""

import os
import time
from collections.abc import Callable
from functools import wraps
from typing import Any

from paylink.core.metrics import FAILED, FUNCTION_DURATION, OK, REFUSED, Metrics, Unobserved

Handler = Callable[[Any, Any], Any]

_chosen: Metrics | None = None


def frozen_between_calls() -> bool:
    """Whether this is Lambda, where a process has one request at a time, and does nothing after its answer."""
    return "AWS_LAMBDA_RUNTIME_API" in os.environ


def use_metrics(metrics: Metrics | None) -> None:
    """Choose where this process counts, before it begins to work; None: where it would have by itself."""
    global _chosen
    _chosen = metrics


def process_metrics() -> Metrics:
    """Return where this process counts."""
    if _chosen is None:
        use_metrics(_own())
    assert _chosen is not None
    return _chosen


def _own() -> Metrics:
    if frozen_between_calls():
        from paylink.runtime.emf import EmfLines

        return EmfLines()
    return Unobserved()


def request_outcome(status: int) -> str:
    """Return what an answer's status says of the function that gave it."""
    return OK if status < 400 else REFUSED if status < 500 else FAILED


def measured(function: str, handle: Handler, outcome_of: Callable[[Any], str]) -> Handler:
    """
    On Lambda, return a handler that also measures each invocation and writes its line. Elsewhere that is the runtime's
    work, which sees more of it than the function does, and the handler is returned as it is.
    """
    if not frozen_between_calls():
        return handle
    from paylink.runtime.emf import EmfLines

    @wraps(handle)
    def measure(event: Any, context: Any) -> Any:
        began_s, outcome = time.perf_counter(), FAILED
        try:
            answer = handle(event, context)
            outcome = outcome_of(answer)
            return answer
        finally:
            metrics = process_metrics()
            metrics.observe(FUNCTION_DURATION, time.perf_counter() - began_s, function, outcome)
            if isinstance(metrics, EmfLines):
                metrics.write_line()

    return measure


def schedule_function(name: str) -> Callable[[Handler], Handler]:
    """Make a Lambda handler of a function that a schedule calls."""
    return lambda run: measured(name, run, lambda _: OK)
