"""A result that another thread brings."""

import logging
import threading
from collections.abc import Callable
from typing import Generic, TypeVar, cast

from paylink.core.tracing import current_span, working_for

T = TypeVar("T")
U = TypeVar("U")

_log = logging.getLogger("paylink")

_guard = threading.Lock()
"""Held for an assignment, so one serves them all."""


class Promise(Generic[T]):
    """
    Kept or broken once.

    A Future of the standard library keeps its callbacks for good. One that answers a request holds that request, which
    holds the future: all that a request took then stays until the garbage collector comes.
    """

    __slots__ = ("__weakref__", "_done", "_error", "_listeners", "_value")

    def __init__(self) -> None:
        self._done = False
        self._value: T | None = None
        self._error: BaseException | None = None
        self._listeners: list[Callable[[Promise[T]], None]] = []

    @property
    def done(self) -> bool:
        return self._done

    def keep(self, value: T) -> None:
        """Bring the result."""
        self._value = value
        self._tell()

    def break_(self, error: BaseException) -> None:
        """Bring an error instead."""
        self._error = error
        self._tell()

    def then(self, listener: "Callable[[Promise[T]], None]") -> None:
        """Call `listener` with this promise once it is done: at once, or from the thread that brings the result."""
        with _guard:
            if not self._done:
                self._listeners.append(listener)
                return
        listener(self)

    def go_on(self, further: "Callable[[T], Promise[U]]") -> "Promise[U]":
        """Return what comes of the promise that `further` makes of the result; it raises what either raises."""
        end: Promise[U] = Promise()
        span = current_span()

        def follow(done: Promise[T]) -> None:
            try:
                if span is None:
                    further(done.result()).then(hand_on)
                    return
                with working_for(span):
                    further(done.result()).then(hand_on)
            except Exception as exc:
                end.break_(exc)

        def hand_on(done: Promise[U]) -> None:
            try:
                end.keep(done.result())
            except Exception as exc:
                end.break_(exc)

        self.then(follow)
        return end

    def result(self, timeout_s: float | None = None) -> T:
        """
        Return the result, and wait for it where it is not there yet.

        Raises:
            TimeoutError: It did not come in time.
            BaseException: The error that came instead.
        """
        if not self._done:
            came = threading.Event()
            self.then(lambda _: came.set())
            if not came.wait(timeout_s):
                raise TimeoutError("the result did not come in time")
        if self._error is not None:
            raise self._error
        # Kept, so it is a T, which may itself be None.
        return cast("T", self._value)

    def _tell(self) -> None:
        with _guard:
            self._done = True
            listeners, self._listeners = self._listeners, []
        for listener in listeners:
            try:
                listener(self)
            except Exception:
                # Who brings a result must not hear of it as a fault of its own, nor keep it from the next promise.
                _log.exception("a result could not be told")
