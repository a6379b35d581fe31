"""How many log lines strangers may cause: token buckets in memory, one per source and one for all of them."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import ip_network

SOURCE_BURST = 5
SOURCE_PER_S = 0.1
ALL_BURST = 50
ALL_PER_S = 5.0
SOURCES_MAX = 1_000
"""When there are more, the one that was quiet for longest is forgotten."""


@dataclass
class _Bucket:
    tokens: float
    at: float
    held_back: int = 0

    def take(self, now: float, burst: int, per_s: float) -> bool:
        self.tokens = min(burst, self.tokens + (now - self.at) * per_s)
        self.at = now
        if self.tokens < 1:
            return False
        self.tokens -= 1
        return True


class LineBudget:
    """Safe to share between threads."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._all = _Bucket(ALL_BURST, monotonic())
        self._sources: OrderedDict[str, _Bucket] = OrderedDict()
        self._held_back_of_forgotten = 0

    def take(self, source: str) -> int | None:
        """
        Ask for a line about `source`. None: hold it back.

        Else the number of lines that were held back since its last one, and of sources that were forgotten meanwhile.
        """
        owner = _owner(source)
        with self._lock:
            now = self._monotonic()
            bucket = self._sources.pop(owner, None) or _Bucket(SOURCE_BURST, now)
            self._sources[owner] = bucket
            if len(self._sources) > SOURCES_MAX:
                self._held_back_of_forgotten += self._sources.popitem(last=False)[1].held_back
            if not (bucket.take(now, SOURCE_BURST, SOURCE_PER_S) and self._all.take(now, ALL_BURST, ALL_PER_S)):
                bucket.held_back += 1
                return None
            held_back = bucket.held_back + self._held_back_of_forgotten
            bucket.held_back = self._held_back_of_forgotten = 0
            return held_back


def _owner(source: str) -> str:
    """Of IPv6, whoever has one address has its whole /64."""
    if ":" not in source:
        return source
    try:
        return str(ip_network((source, 64), strict=False))
    except ValueError:
        return source
