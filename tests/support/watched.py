"""The ports that services do I/O through, counted and named, call by call; at one of them the process dies."""

import os
import signal
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Point:
    """A moment of a run: just before or just after its `number`-th call of a port, counted from 1."""

    number: int
    after: bool


def every_point(calls: int, *, both: bool) -> list[Point]:
    """
    Before the first of a run's calls, and after each.

    Nothing of ours reaches the outside between one call's end and the next one's begin, so these two moments are one;
    `both` takes them all the same.
    """
    numbers = range(1, calls + 1)
    if both:
        return [Point(number, after) for number in numbers for after in (False, True)]
    return [Point(1, after=False), *(Point(number, after=True) for number in numbers)]


class Points:
    """Counts the calls of all ports. `told` learns each one's name before it is made."""

    def __init__(self, die_at: Point | None, told: Callable[[str], None]) -> None:
        self._die_at = die_at
        self._told = told
        self._lock = threading.Lock()
        self._count = 0

    def call(self, name: str, make: Callable[[], Any]) -> Any:
        with self._lock:
            self._count += 1
            number = self._count
            self._told(name)
        if self._die_at == Point(number, after=False):
            os.kill(os.getpid(), signal.SIGKILL)
        try:
            return make()
        finally:
            if self._die_at == Point(number, after=True):
                os.kill(os.getpid(), signal.SIGKILL)


class Watched:
    """
    A port whose every method is a point.

    What a method hands to a function that it is given (`Database.run` does a unit of work) is watched as well, so the
    end of that function is the moment before the commit, and the end of the method the one after it.
    """

    def __init__(self, port: object, name: str, points: Points) -> None:
        self._port, self._name, self._points = port, name, points

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._port, name)
        if not callable(found):
            return found

        def call(*args: Any, **kwargs: Any) -> Any:
            watched = [self._watching(a) for a in args]
            return self._points.call(f"{self._name}.{name}{_of(args)}", lambda: found(*watched, **kwargs))

        return call

    def _watching(self, argument: Any) -> Any:
        if not callable(argument):
            return argument

        def work(*handed: Any) -> Any:
            return argument(*(Watched(h, type(h).__name__, self._points) for h in handed))

        return work


def _of(args: tuple[Any, ...]) -> str:
    """The name of a query tells which call of a unit of work it is."""
    return f"({args[0]})" if args and isinstance(args[0], str) else ""
