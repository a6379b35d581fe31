"""The Redis that all processes share. It is never the truth: while it is away, each process goes on by itself."""

import logging
import threading
import time
from collections.abc import Callable
from typing import TypeVar

from paylink.core.secret import Secret
from paylink.edge.redis_link import RedisLink, RedisRefused, RedisUnavailable

_AWAY_S = 5.0
"""How long it is not asked again after it failed to answer."""
_TELL_EVERY_S = 3600.0
"""How often a kind of refusal is told."""

T = TypeVar("T")


class SharedRedis:
    """
    Redis by its `link`; that it is away is told once, and so is that it is back. What it refuses is told once an hour
    and keeps nobody from asking for all else. Safe to share between threads.
    """

    def __init__(self, redis_url: Secret) -> None:
        self.link = RedisLink(redis_url)
        self._lock = threading.Lock()
        self._away = False
        self._away_until = 0.0
        self._refusals: dict[str, float] = {}

    def ask(self, question: Callable[[], T], otherwise: Callable[[], T]) -> T:
        """Return what Redis answers to `question`, which uses the link, or `otherwise` where it gives no answer."""
        if self._may_ask():
            try:
                answer = question()
            except RedisUnavailable as exc:
                self._note_away(exc)
            except RedisRefused as exc:
                self.note_refused(str(exc))
            else:
                if self._away:
                    self._note_back()
                return answer
        return otherwise()

    def _may_ask(self) -> bool:
        """While it is away, one thread in a while finds out whether it is back."""
        if not self._away:
            return True
        with self._lock:
            now = time.monotonic()
            due = now >= self._away_until
            if due:
                self._away_until = now + _AWAY_S
        return due

    def _note_away(self, exc: RedisUnavailable) -> None:
        with self._lock:
            first, self._away = not self._away, True
            self._away_until = time.monotonic() + _AWAY_S
        if first:
            logging.getLogger("paylink").warning("Redis is away: each process keeps limits of its own (%s)", exc)

    def note_refused(self, kind: str) -> None:
        """Tell, once an hour, that Redis refuses something."""
        if self._away:
            self._note_back()
        with self._lock:
            now = time.monotonic()
            due = now - self._refusals.get(kind, -_TELL_EVERY_S) >= _TELL_EVERY_S
            if due:
                self._refusals[kind] = now
        if due:
            text = "Redis refuses a command: each process keeps limits of its own for what it asks (%s)"
            logging.getLogger("paylink").warning(text, kind)

    def _note_back(self) -> None:
        with self._lock:
            first, self._away = self._away, False
        if first:
            logging.getLogger("paylink").warning("Redis is back: processes share their limits again")
