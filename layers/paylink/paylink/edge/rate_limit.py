"""
Token buckets in Redis, shared by all processes. Without Redis each process keeps its own buckets: looser, never closed.
"""

import math
import threading
import time
from dataclasses import dataclass

import redis
import redis.exceptions

from paylink.core.errors import RateLimited
from paylink.core.secret import Secret

_TIMEOUT_S = 0.2
_AWAY_S = 5.0
_LOCAL_BUCKETS_MAX = 10_000

# One round trip, and Redis' own clock, so that processes agree. Returns the tokens left, or minus the wait, as text.
_TAKE = """
local rate, burst = tonumber(ARGV[1]), tonumber(ARGV[2])
local clock = redis.call('TIME')
local now = clock[1] + clock[2] / 1000000
local bucket = redis.call('HMGET', KEYS[1], 'tokens', 'at')
local tokens = math.min(burst, (tonumber(bucket[1]) or burst) + (now - (tonumber(bucket[2]) or now)) * rate)
local answer
if tokens >= 1 then
    tokens = tokens - 1
    answer = tokens
else
    answer = -(1 - tokens) / rate
end
redis.call('HSET', KEYS[1], 'tokens', tostring(tokens), 'at', tostring(now))
redis.call('PEXPIRE', KEYS[1], math.ceil(burst / rate * 1000) + 1000)
return tostring(answer)
"""


@dataclass(frozen=True)
class Limit:
    """`rate` tokens per second flow in, up to `burst`."""

    rate: float
    burst: int


class RateLimiter:
    """Safe to share between threads."""

    def __init__(self, redis_url: Secret, limit: Limit) -> None:
        self._limit = limit
        self._redis = redis.Redis.from_url(
            redis_url.reveal(), socket_timeout=_TIMEOUT_S, socket_connect_timeout=_TIMEOUT_S, retry=None
        )
        self._script = self._redis.register_script(_TAKE)
        self._away_until = 0.0
        self._lock = threading.Lock()
        self._local: dict[str, tuple[float, float]] = {}

    def take(self, bucket: str) -> None:
        """
        Take a token.

        Raises:
            RateLimited: None is left; `retry_after_s` tells when one is.
        """
        left = self._take(bucket)
        if left < 0:
            raise RateLimited(
                f"at most {self._limit.burst} requests at once and {self._limit.rate:g} per second",
                retry_after_s=max(1, math.ceil(-left)),
            )

    def _take(self, bucket: str) -> float:
        if time.monotonic() >= self._away_until:
            try:
                return float(
                    self._script(keys=[f"paylink:bucket:{bucket}"], args=[self._limit.rate, self._limit.burst])
                )
            except (redis.exceptions.RedisError, OSError):
                self._away_until = time.monotonic() + _AWAY_S
        return self._take_locally(bucket)

    def _take_locally(self, bucket: str) -> float:
        now = time.monotonic()
        with self._lock:
            if len(self._local) >= _LOCAL_BUCKETS_MAX:
                self._local.clear()
            tokens, at = self._local.get(bucket, (float(self._limit.burst), now))
            tokens = min(self._limit.burst, tokens + (now - at) * self._limit.rate)
            self._local[bucket] = (tokens - 1 if tokens >= 1 else tokens, now)
        return tokens - 1 if tokens >= 1 else -(1 - tokens) / self._limit.rate
