"""Waiting between tries."""

import random
import threading

_FIRST_S = 0.2


class Backoff:
    """
    Waits longer from one try to the next, up to `s_max` seconds, and not when `stop` is set.

    Each wait is cut by up to a half at random, so that what failed together does not try again together.
    """

    def __init__(self, stop: threading.Event, s_max: float) -> None:
        self._stop = stop
        self._s_max = s_max
        self._next_s = _FIRST_S

    def wait(self) -> None:
        """Wait after a failure."""
        self._stop.wait(self._next_s * random.uniform(0.5, 1))  # noqa: S311 (no secret)
        self._next_s = min(self._s_max, self._next_s * 2)

    def reset(self) -> None:
        """Begin anew after a success."""
        self._next_s = _FIRST_S
