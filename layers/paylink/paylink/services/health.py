"""
Whether what this process depends on answers, and how quickly.

Anybody may ask, so asking is cheap: each dependency is asked in a thread of its own, by one question at a time, and
what came of it counts for a second, whoever asks meanwhile. Few wait for an answer, so that not all threads of a
process can be held up: the others are told what was known last.
"""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from paylink.core.errors import StorageUnavailable

REMEMBER_S = 1.0
WITHIN_S = 2.5
"""A dependency that has not answered by then counts as away."""
WAITING_MAX = 4

_log = logging.getLogger("paylink")


@dataclass(frozen=True)
class Standing:
    """Whether a dependency answered; `latency_ms` is None when it did not."""

    name: str
    latency_ms: float | None

    @property
    def answers(self) -> bool:
        return self.latency_ms is not None

    def told(self) -> dict[str, object]:
        """Return it as an answer has it: no address, no version, and no reason, which may hold either."""
        return {"status": "ok" if self.answers else "away", "latency_ms": self.latency_ms}


class Dependency:
    """
    What is asked by `ask`, which returns once it is answered and raises when it is not. Safe to share between threads.

    `ask` should come to an end by itself: as long as it does not, the dependency is not asked again.
    """

    def __init__(
        self, name: str, ask: Callable[[], object], *, within_s: float = WITHIN_S, remember_s: float = REMEMBER_S
    ) -> None:
        self._ask = ask
        self._within_s = within_s
        self._remember_s = remember_s
        self._changed = threading.Condition()
        self._asking = False
        self._waiting = 0
        self._asked_at = 0.0
        self._told_at: float | None = None
        self._told = Standing(name, None)

    def begin(self) -> None:
        """Ask, unless that is being done, or was a moment ago."""
        with self._changed:
            now = time.monotonic()
            remembered = self._told_at is not None and now - self._told_at < self._remember_s
            if self._asking or remembered:
                return
            self._asking, self._asked_at = True, now
        threading.Thread(target=self._run, name=f"health {self._told.name}", daemon=True).start()

    def standing(self) -> Standing:
        """Ask, or use what is known, and return what came of it within the time that an answer may take."""
        self.begin()
        with self._changed:
            if self._waiting >= WAITING_MAX and self._told_at is not None:
                return self._told
            left_s = self._asked_at + self._within_s - time.monotonic()
            self._waiting += 1
            try:
                answered = self._changed.wait_for(lambda: not self._asking, max(0.0, left_s))
            finally:
                self._waiting -= 1
            return self._told if answered else Standing(self._told.name, None)

    def _run(self) -> None:
        try:
            if self._told_at is None:
                # The way there is imported and connected at first: that is no latency.
                self._ask()
            began = time.monotonic()
            self._ask()
        except Exception as exc:
            self._note(None, type(exc).__name__)
        else:
            self._note(round((time.monotonic() - began) * 1000, 1), "")

    def _note(self, latency_ms: float | None, reason: str) -> None:
        with self._changed:
            before, first = self._told, self._told_at is None
            self._told, self._told_at = Standing(before.name, latency_ms), time.monotonic()
            if reason and (first or before.answers):
                _log.warning("a dependency does not answer", extra={"dependency": before.name, "error": reason})
            elif not reason and not first and not before.answers:
                _log.info("a dependency answers again", extra={"dependency": before.name})
            self._asking = False
            self._changed.notify_all()


class Health:
    """
    needed: without it nothing can be done. useful: while one of these is away the work goes on, slower or later.
    """

    def __init__(self, needed: Dependency, useful: Sequence[Dependency]) -> None:
        self._needed = needed
        self._useful = useful

    def require(self) -> None:
        """
        Return when what is needed answers.

        Raises:
            StorageUnavailable: It does not.
        """
        if not self._needed.standing().answers:
            raise StorageUnavailable(retry_after_s=2)

    def readiness(self) -> dict[str, Any]:
        """
        Return `status`, which is `ok`, or `degraded` while something useful is away, and each of the `dependencies`
        with its own `status` and `latency_ms`. All are asked side by side.

        Raises:
            StorageUnavailable: What is needed does not answer; the detail tells of each.
        """
        everything = (self._needed, *self._useful)
        for dependency in everything:
            dependency.begin()
        standings = [dependency.standing() for dependency in everything]
        if not standings[0].answers:
            raise StorageUnavailable("; ".join(map(_in_words, standings)), retry_after_s=2)
        return {
            "status": "ok" if all(one.answers for one in standings) else "degraded",
            "dependencies": {one.name: one.told() for one in standings},
        }


def _in_words(standing: Standing) -> str:
    return f"{standing.name}: " + (f"{standing.latency_ms} ms" if standing.answers else "away")
