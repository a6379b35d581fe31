"""
Token buckets in Redis, shared by all processes. Without Redis each process keeps its own buckets: looser, never closed.
"""

import math
import threading
import time
from dataclasses import dataclass
from uuid import UUID

import redis
import redis.exceptions
from redis.commands.core import Script

from paylink.core.errors import RateLimited
from paylink.core.secret import Secret

_TIMEOUT_S = 0.2
_AWAY_S = 5.0
_LOCAL_BUCKETS_MAX = 10_000
_LINE_S_MAX = 300

# One round trip, and Redis' own clock, so that processes agree. Returns the tokens left, or minus the wait, as text.
_TAKE = """
local rate, burst = tonumber(ARGV[1]), tonumber(ARGV[2])
local clock = redis.call('TIME')
local now = clock[1] + clock[2] / 1000000
local bucket = redis.call('HMGET', KEYS[1], 'tokens', 'at')
local tokens = math.min(burst, (tonumber(bucket[1]) or burst) + math.max(0, now - (tonumber(bucket[2]) or now)) * rate)
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

# Each who must wait gets a turn of its own, behind the last one that was given. Returns the seconds until then.
_LINE_UP = """
local rate, wait, longest = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local clock = redis.call('TIME')
local now = clock[1] + clock[2] / 1000000
local last = tonumber(redis.call('GET', KEYS[1])) or 0
-- Later than any turn that was given: the clock was set back.
if last > now + longest then last = 0 end
local turn = math.max(now + wait, last + 1 / rate)
wait = math.min(turn - now, longest)
redis.call('SET', KEYS[1], string.format('%.6f', now + wait), 'PX', math.ceil(wait * 1000) + 1000)
return string.format('%.6f', wait)
"""


@dataclass(frozen=True)
class Limit:
    """`rate` tokens per second flow in, up to `burst`."""

    rate: float
    burst: int


class Buckets:
    """Safe to share between threads."""

    def __init__(self, redis_url: Secret) -> None:
        self._redis = redis.Redis.from_url(
            redis_url.reveal(), socket_timeout=_TIMEOUT_S, socket_connect_timeout=_TIMEOUT_S, retry=None
        )
        self._take = self._redis.register_script(_TAKE)
        self._line_up = self._redis.register_script(_LINE_UP)
        self._away_until = 0.0
        self._lock = threading.Lock()
        self._local: dict[str, tuple[float, float]] = {}
        self._local_turns: dict[str, float] = {}

    def take(self, bucket: str, limit: Limit) -> float:
        """Take a token; return how many are left, or, when there was none, minus the seconds until there is one."""
        left = self._run(self._take, f"paylink:bucket:{bucket}", [limit.rate, limit.burst])
        return self._take_locally(bucket, limit) if left is None else left

    def line_up(self, line: str, rate: float, wait_s: float) -> float:
        """
        Return the seconds until one's turn: at least `wait_s`, 1 / `rate` after the last turn that was given, and five
        minutes at most.
        """
        turn_in_s = self._run(self._line_up, f"paylink:line:{line}", [rate, wait_s, _LINE_S_MAX])
        return self._line_up_locally(line, rate, wait_s) if turn_in_s is None else turn_in_s

    def _run(self, script: Script, key: str, args: list[float]) -> float | None:
        """Return what a script answers, or None while Redis is away."""
        if time.monotonic() < self._away_until:
            return None
        try:
            return float(script(keys=[key], args=args))
        except (redis.exceptions.RedisError, OSError):
            self._away_until = time.monotonic() + _AWAY_S
            return None

    def _take_locally(self, bucket: str, limit: Limit) -> float:
        now = time.monotonic()
        with self._lock:
            if len(self._local) >= _LOCAL_BUCKETS_MAX:
                self._local.clear()
            tokens, at = self._local.get(bucket, (float(limit.burst), now))
            tokens = min(limit.burst, tokens + (now - at) * limit.rate)
            self._local[bucket] = (tokens - 1 if tokens >= 1 else tokens, now)
        return tokens - 1 if tokens >= 1 else -(1 - tokens) / limit.rate

    def _line_up_locally(self, line: str, rate: float, wait_s: float) -> float:
        now = time.monotonic()
        with self._lock:
            if len(self._local_turns) >= _LOCAL_BUCKETS_MAX:
                self._local_turns.clear()
            turn = max(now + wait_s, self._local_turns.get(line, 0.0) + 1 / rate)
            self._local_turns[line] = min(turn, now + _LINE_S_MAX)
            return self._local_turns[line] - now


class RateLimiter:
    """Bounds the requests of each key."""

    def __init__(self, buckets: Buckets, limit: Limit) -> None:
        self._buckets = buckets
        self._limit = limit

    def take(self, bucket: str) -> None:
        """
        Take a token.

        Raises:
            RateLimited: None is left; `retry_after_s` tells when one is.
        """
        left = self._buckets.take(bucket, self._limit)
        if left < 0:
            raise RateLimited(
                f"at most {self._limit.burst} requests at once and {self._limit.rate:g} per second",
                retry_after_s=max(1, math.ceil(-left)),
            )


class PullBudget:
    """Bounds the questions to each account's provider, whoever asks them: processing or reconciliation."""

    def __init__(self, buckets: Buckets) -> None:
        self._buckets = buckets

    def wait_s(self, account_id: UUID, per_s: float) -> float:
        """
        Take the right to one question and return 0, or return the seconds until there may be one. Who is told to wait
        has a turn of its own, so that those who wait come back one after the other.
        """
        left = self._buckets.take(f"pull:{account_id}", Limit(per_s, max(1, round(2 * per_s))))
        return 0.0 if left >= 0 else self._buckets.line_up(f"pull:{account_id}", per_s, -left)
