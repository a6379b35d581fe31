"""How often something is told that would be told again and again while it lasts."""

import math
import threading
import time
from collections.abc import Callable

TELL_EVERY_S = 10.0


class Seldom:
    """The first time, and then once in `every_s` at most. Safe to share between threads."""

    def __init__(self, every_s: float = TELL_EVERY_S, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._every_s = every_s
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._told_at = -math.inf
        self._held_back = 0

    def take(self) -> int | None:
        """Ask to tell it. None: hold it back. Else how often it was held back since it was told last."""
        with self._lock:
            now = self._monotonic()
            if now - self._told_at < self._every_s:
                self._held_back += 1
                return None
            held_back, self._held_back, self._told_at = self._held_back, 0, now
            return held_back
