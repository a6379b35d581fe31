"""Turns at what may read much, so that nobody's lists take the connections that others' requests need."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from paylink.core.errors import Overloaded, RateLimited

WAIT_S = 1.0
WAITING_MAX = 8
"""So many of one owner wait for their turn; a further one is refused at once."""


class Turns:
    """
    At most `at_once` have their turn at the same time, and at most `of_one` of them have one owner: a merchant, or None
    for all operators together. Safe to share between threads.
    """

    def __init__(self, at_once: int, of_one: int) -> None:
        self._all = threading.BoundedSemaphore(at_once)
        self._of_one = of_one
        self._owners: dict[UUID | None, _Owner] = {}
        self._lock = threading.Lock()

    @contextmanager
    def take(self, owner: UUID | None) -> Iterator[None]:
        """
        Have a turn, after a wait if need be.

        Raises:
            RateLimited: The owner's own turns are taken.
            Overloaded: Those of others are.
        """
        with self._here(owner) as own:
            if not own.acquire(timeout=WAIT_S):
                raise _too_many()
            try:
                if not self._all.acquire(timeout=WAIT_S):
                    raise Overloaded("too many lists are read at once", retry_after_s=1)
                try:
                    yield
                finally:
                    self._all.release()
            finally:
                own.release()

    @contextmanager
    def _here(self, owner: UUID | None) -> Iterator[threading.BoundedSemaphore]:
        with self._lock:
            entry = self._owners.setdefault(owner, _Owner(self._of_one))
            if entry.here >= self._of_one + WAITING_MAX:
                raise _too_many()
            entry.here += 1
        try:
            yield entry.turns
        finally:
            with self._lock:
                entry.here -= 1
                if not entry.here:
                    del self._owners[owner]


class _Owner:
    def __init__(self, turns: int) -> None:
        self.turns = threading.BoundedSemaphore(turns)
        self.here = 0


def _too_many() -> RateLimited:
    return RateLimited("too many lists of yours are read at once; wait for their answers", retry_after_s=1)
