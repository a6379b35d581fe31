"""What is gathered in memory and written now and then, so that no answer depends on it."""

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

WRITE_EVERY_S = 1.0
WRITE_WITHIN_S = 1.0
PAUSE_S_MAX = 30.0
"""How long it waits at most before it tries again to write, when Postgres is away."""

K = TypeVar("K", bound=Hashable)


class Gathering(Generic[K]):
    """
    Counts things and has the counts written: at once, then at most once a second.

    Safe to share between threads. A thread writes, and lives only while there is something to write. Or, `by_caller`,
    whoever counts does, for where a process freezes after its answer and a thread with it: what is counted within a
    second of that waits for the next one to count. What could not be written stays for the next time. A process that
    stops calls `close`; one that is killed loses what it has not written.
    """

    def __init__(
        self,
        name: str,
        write: Callable[[Counter[K]], None],
        *,
        by_caller: bool = False,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """name: of the thread and in the log. write: within WRITE_WITHIN_S; whatever it raises, it is called again."""
        self._by_caller = by_caller
        self._monotonic = monotonic
        self._written_at = -WRITE_EVERY_S
        self._name = name
        self._write = write
        self._lock = threading.Lock()
        self._counts: Counter[K] = Counter()
        self._writing = False
        self._closed = threading.Event()

    def add(self, key: K) -> None:
        """Count one. Never raises. There must be a bounded number of different keys."""
        with self._lock:
            self._counts[key] += 1
            if self._writing or self._closed.is_set():
                return
            if self._by_caller:
                now = self._monotonic()
                if now - self._written_at < WRITE_EVERY_S:
                    return
                self._written_at = now
            else:
                self._writing = True
        if self._by_caller:
            self._has_written(self._taken())
        else:
            self._start_writing()

    def _start_writing(self) -> None:
        try:
            threading.Thread(target=self._write_until_empty, name=self._name, daemon=True).start()
        except RuntimeError:
            # No thread to be had now: the next one that is counted tries again.
            self._writing = False

    def close(self) -> None:
        """Write what is left, within a second, and start no thread any more."""
        self._closed.set()
        self._has_written(self._taken())

    def _write_until_empty(self) -> None:
        pause_s = WRITE_EVERY_S
        while True:
            with self._lock:
                if not self._counts:
                    self._writing = False
                    return
            pause_s = WRITE_EVERY_S if self._has_written(self._taken()) else min(2 * pause_s, PAUSE_S_MAX)
            if self._closed.wait(pause_s):
                return

    def _taken(self) -> Counter[K]:
        with self._lock:
            counts, self._counts = self._counts, Counter()
        return counts

    def _has_written(self, counts: Counter[K]) -> bool:
        if not counts:
            return True
        try:
            self._write(counts)
        except Exception as exc:
            # Whatever it is, the counts must outlive it.
            logging.getLogger("paylink").warning(
                "what was counted waits to be written", extra={"what": self._name, "error": type(exc).__name__}
            )
            with self._lock:
                self._counts.update(counts)
            return False
        return True
