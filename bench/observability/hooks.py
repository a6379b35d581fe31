"""
What of tracing is executed where nothing is traced: how often, and how long each takes.

Nothing is taken out of the code for it. The interpreter tells of every call; those are counted that would not be there
without tracing. Then each kind is timed as it stands in the code: in a loop, and once after each of
many requests, which leave it as cold as it is in a request.
"""

import statistics
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from types import FrameType
from typing import Any, NamedTuple

from paylink.core import tracing
from paylink.core.tracing import current_span, span
from paylink.runtime.traces import process_tracer, traced_requests

_ROUNDS = 15
_ATTRIBUTES = {"a": "b"}

_FRAMES = {
    ("core/tracing.py", "going_on"),
    ("providers/http.py", "_send"),
    ("edge/redis_link.py", "_ask"),
    ("store/database.py", "_run"),
    ("store/unit_of_work.py", "commit"),
    ("services/intake.py", "_verify_now"),
    ("services/intake.py", "_commit"),
    ("services/intake.py", "_queue"),
    ("services/groups.py", "_work_traced"),
    ("services/groups.py", "keep"),
    ("services/groups.py", "break_"),
    ("services/processing.py", "_process_alone"),
    ("runtime/settings.py", "check_traces"),
    ("runtime/queues.py", "_message"),
}
"""Functions that are there for tracing alone: without it their code would stand where they are called."""


class Hooks(NamedTuple):
    """Times of one hook of each kind, in nanoseconds."""

    look_up: float
    """`current_span()`, with the question whether there is one."""
    block: float
    """`with span(...)`."""
    frame: float
    """The call of a function that is there for tracing alone."""
    decision: float
    """Whether a request is sampled, and the handler around the handler."""
    tracer: float
    """Asking for the process' tracer."""


def count_calls(warm_up: Callable[[], None], work: Callable[[], None]) -> dict[str, int]:
    """
    Return how many hooks of each kind `work` executes, in this thread and in those that `warm_up` starts.

    Before it there must be no threads that work for requests.
    """
    found: Counter[str] = Counter()
    lock = threading.Lock()

    def watch(frame: FrameType, event: str, argument: Any) -> None:
        kind = _kind(frame, event, argument)
        if kind is not None:
            with lock:
                found[kind] += 1

    threading.setprofile(watch)
    sys.setprofile(watch)
    try:
        warm_up()
        with lock:
            found.clear()
        work()
    finally:
        sys.setprofile(None)
        threading.setprofile(None)
    with lock:
        return {kind: found[kind] for kind in Hooks._fields}


def _kind(frame: FrameType, event: str, argument: Any) -> str | None:
    code = frame.f_code
    if event == "c_call":
        own = getattr(argument, "__self__", None) is tracing._current
        return "look_up" if own and code is not tracing.span.__code__ else None
    if event != "call":
        return None
    if code is tracing.span.__code__:
        return "block"
    if code is process_tracer.__code__ and frame.f_back is not None and frame.f_back.f_code.co_name != "trace":
        return "tracer"
    if code.co_name == "trace" and code.co_filename.endswith("runtime/traces.py"):
        return "decision"
    return "frame" if any(code.co_name == name and code.co_filename.endswith(file) for file, name in _FRAMES) else None


class Loops:
    """Each kind of hook, so many times, as it stands in the code."""

    def __init__(self) -> None:
        self._event: dict[str, Any] = {"requestContext": {}}
        self._wrapped = traced_requests(_nothing)

    def look_up(self, times: int) -> None:
        for _ in range(times):
            if current_span() is not None:
                raise AssertionError

    def block(self, times: int) -> None:
        for _ in range(times):
            with span("a block", _ATTRIBUTES):
                pass

    def frame(self, times: int) -> None:
        for _ in range(times):
            self._inner(_ATTRIBUTES, self._event)

    def decision(self, times: int) -> None:
        for _ in range(times):
            self._wrapped(self._event, None)

    def tracer(self, times: int) -> None:
        for _ in range(times):
            if process_tracer() is not None:
                raise AssertionError

    def _inner(self, one: Any, other: Any) -> Any:
        return one


class EmptyLoops:
    """The same loops, each with code of its own, as cold as those of the hooks, and with nothing in it."""

    def look_up(self, times: int) -> None:
        for _ in range(times):
            pass

    def block(self, times: int) -> None:
        for _ in range(times):
            pass

    def frame(self, times: int) -> None:
        for _ in range(times):
            pass

    def decision(self, times: int) -> None:
        for _ in range(times):
            pass

    def tracer(self, times: int) -> None:
        for _ in range(times):
            pass


def time_hooks(times: int) -> dict[str, float]:
    """Time each kind of hook in a loop, less the loop; in nanoseconds."""
    loops = Loops()
    event: dict[str, Any] = {"requestContext": {}}

    def empty(times: int) -> None:
        for _ in range(times):
            pass

    def handler(times: int) -> None:
        for _ in range(times):
            _nothing(event, None)

    found = {hook: _nanoseconds(getattr(loops, hook), times) - _nanoseconds(empty, times) for hook in Hooks._fields}
    # The handler is called once anyway.
    found["decision"] -= _nanoseconds(handler, times) - _nanoseconds(empty, times)
    return found


def time_once(counts: Mapping[str, float], *, empty: bool) -> Callable[[], int]:
    """
    Return what executes so many hooks of each kind once and tells how many nanoseconds that took; with `empty` only the
    loops around them.
    """
    loops = EmptyLoops() if empty else Loops()
    work = [(getattr(loops, hook), round(count)) for hook, count in counts.items()]

    def once() -> int:
        began_ns = time.perf_counter_ns()
        for loop, times in work:
            loop(times)
        return time.perf_counter_ns() - began_ns

    return once


def _nothing(event: Any, context: Any) -> Any:
    return event


def _nanoseconds(loop: Callable[[int], None], times: int) -> float:
    taken = []
    for _ in range(_ROUNDS):
        began_ns = time.perf_counter_ns()
        loop(times)
        taken.append((time.perf_counter_ns() - began_ns) / times)
    return statistics.median(taken)
