"""
Token buckets in Redis, shared by all processes. Without Redis each process keeps its own buckets: looser, never closed.
"""

import math
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from paylink.core.errors import RateLimited
from paylink.edge.limits import Limit
from paylink.edge.redis_link import RedisRefused
from paylink.edge.shared_redis import SharedRedis

_LOCAL_BUCKETS_MAX = 10_000
_LINE_S_MAX = 300

# One round trip for all the buckets of a request, and Redis' own clock, so that processes agree. Tokens are taken from
# all of them or from none. Returns whether they were taken, and what each bucket holds then, as texts.
_TAKE = """
local clock = redis.call('TIME')
local now = clock[1] + clock[2] / 1000000
local count = tonumber(ARGV[1])
local held, taken = {}, 1
for i, key in ipairs(KEYS) do
    local rate, burst = tonumber(ARGV[2 * i]), tonumber(ARGV[2 * i + 1])
    local bucket = redis.call('HMGET', key, 'tokens', 'at')
    local tokens, at = tonumber(bucket[1]) or burst, tonumber(bucket[2]) or now
    held[i] = math.min(burst, tokens + math.max(0, now - at) * rate)
    if held[i] < 1 then taken = 0 end
end
for i, key in ipairs(KEYS) do
    local rate, burst = tonumber(ARGV[2 * i]), tonumber(ARGV[2 * i + 1])
    held[i] = tostring(held[i] - taken * count)
    redis.call('HSET', key, 'tokens', held[i], 'at', tostring(now))
    redis.call('PEXPIRE', key, math.ceil(burst / rate * 1000) + 1000)
end
return {tostring(taken), unpack(held)}
"""

# As many of so many tokens as a bucket holds. Returns how many.
_TAKE_SOME = """
local rate, burst, wanted = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local clock = redis.call('TIME')
local now = clock[1] + clock[2] / 1000000
local bucket = redis.call('HMGET', KEYS[1], 'tokens', 'at')
local tokens, at = tonumber(bucket[1]) or burst, tonumber(bucket[2]) or now
local held = math.min(burst, tokens + math.max(0, now - at) * rate)
local taken = math.max(0, math.min(wanted, math.floor(held)))
redis.call('HSET', KEYS[1], 'tokens', tostring(held - taken), 'at', tostring(now))
redis.call('PEXPIRE', KEYS[1], math.ceil(burst / rate * 1000) + 1000)
return taken
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


Wanted = Sequence[tuple[str, Limit]]
"""The names and the limits of a request's buckets."""

Taken = tuple[bool, list[float]]
"""Whether tokens were taken, and what each bucket holds afterwards."""


@dataclass(frozen=True)
class Standing:
    """What one of a caller's buckets holds after a request; `name` is the bucket's for the caller."""

    name: str
    limit: Limit
    tokens: float

    @property
    def wait_s(self) -> float:
        """The seconds until the bucket holds a whole token; 0 when it does."""
        return max(0.0, (1 - self.tokens) / self.limit.rate)


class Buckets:
    """Safe to share between threads."""

    def __init__(self, shared: SharedRedis) -> None:
        self._shared = shared
        self._lock = threading.Lock()
        self._local: dict[str, tuple[float, float]] = {}
        self._local_turns: dict[str, float] = {}

    def take(self, wanted: Wanted, count: int = 1) -> Taken:
        """
        Take tokens from every bucket, when each holds a whole one, or from none. With a `count` of 0 it is only asked.
        """
        [taken] = self.take_for_each([wanted], count)
        return taken

    def take_for_each(self, requests: Sequence[Wanted], count: int = 1) -> list[Taken]:
        """Do so for one request after the other, in one round trip. What Redis refuses is counted in this process."""
        nothing: list[Taken | None] = [None] * len(requests)
        found = self._shared.ask(lambda: self._take_together(requests, count), lambda: nothing)
        return [taken or self._take_locally(wanted, count) for taken, wanted in zip(found, requests, strict=True)]

    def _take_together(self, requests: Sequence[Wanted], count: int) -> list[Taken | None]:
        calls = [
            (
                [f"paylink:bucket:{name}" for name, _ in wanted],
                [count, *(figure for _, limit in wanted for figure in (limit.rate, limit.burst))],
            )
            for wanted in requests
        ]
        return [self._taken(answer) for answer in self._shared.link.run_script_often(_TAKE, calls)]

    def _taken(self, answer: Any) -> Taken | None:
        if isinstance(answer, RedisRefused):
            self._shared.note_refused(str(answer))
            return None
        taken, *held = answer
        return taken == b"1", [float(tokens) for tokens in held]

    def take_some(self, name: str, limit: Limit, count: int) -> int:
        """Take so many tokens from one bucket, or as many as it holds; return how many."""
        figures = [limit.rate, limit.burst, count]
        return self._shared.ask(
            lambda: int(self._shared.link.run_script(_TAKE_SOME, [f"paylink:bucket:{name}"], figures)),
            lambda: sum(self._take_locally([(name, limit)], 1)[0] for _ in range(count)),
        )

    def line_up(self, line: str, rate: float, wait_s: float) -> float:
        """
        Return the seconds until one's turn: at least `wait_s`, 1 / `rate` after the last turn that was given, and five
        minutes at most.
        """
        key, figures = f"paylink:line:{line}", [rate, wait_s, _LINE_S_MAX]
        return self._shared.ask(
            lambda: float(self._shared.link.run_script(_LINE_UP, [key], figures)),
            lambda: self._line_up_locally(line, rate, wait_s),
        )

    def _take_locally(self, wanted: Wanted, count: int) -> Taken:
        now = time.monotonic()
        with self._lock:
            if len(self._local) >= _LOCAL_BUCKETS_MAX:
                self._local.clear()
            held = []
            for name, limit in wanted:
                tokens, at = self._local.get(name, (float(limit.burst), now))
                held.append(min(limit.burst, tokens + (now - at) * limit.rate))
            taken = all(tokens >= 1 for tokens in held)
            held = [tokens - count if taken else tokens for tokens in held]
            for (name, _), tokens in zip(wanted, held, strict=True):
                self._local[name] = (tokens, now)
        return taken, held

    def _line_up_locally(self, line: str, rate: float, wait_s: float) -> float:
        now = time.monotonic()
        with self._lock:
            if len(self._local_turns) >= _LOCAL_BUCKETS_MAX:
                self._local_turns.clear()
            turn = max(now + wait_s, self._local_turns.get(line, 0.0) + 1 / rate)
            self._local_turns[line] = min(turn, now + _LINE_S_MAX)
            return self._local_turns[line] - now


@dataclass(frozen=True)
class Counted:
    """A request that was counted, or was one too many: then it took no token of any bucket."""

    taken: bool
    standings: tuple[Standing, ...]

    def refuse_excess(self) -> None:
        """
        Raises:
            RateLimited: It was one too many; `retry_after_s` tells when each bucket has a token.
        """
        if self.taken:
            return
        slowest = max(self.standings, key=lambda standing: standing.wait_s)
        limit = slowest.limit
        raise RateLimited(
            f"a {slowest.name} has at most {limit.burst} requests at once and {limit.rate:g} per second",
            retry_after_s=max(1, math.ceil(slowest.wait_s)),
        )


class RateLimiter:
    """Bounds the requests of each key, and of all keys of one merchant together."""

    def __init__(self, buckets: Buckets, of_key: Limit, of_merchant: Limit) -> None:
        self._buckets = buckets
        self._of_key = of_key
        self._of_merchant = of_merchant

    def count(self, callers: Sequence[tuple[str, UUID | None]]) -> list[Counted]:
        """
        Count a request of each of these, in one round trip: a key's prefix, and its merchant, who is None for an
        operator's key.
        """
        requests = [self._wanted(*caller) for caller in callers]
        taken = self._buckets.take_for_each(requests)
        return [_counted(wanted, *of_request) for wanted, of_request in zip(requests, taken, strict=True)]

    def _wanted(self, key_prefix: str, merchant_id: UUID | None) -> Wanted:
        if merchant_id is None:
            return [(f"key:{key_prefix}", self._of_key)]
        together = f"{{{merchant_id}}}"
        return [(f"key:{together}:{key_prefix}", self._of_key), (f"merchant:{together}", self._of_merchant)]


def _counted(wanted: Wanted, taken: bool, held: list[float]) -> Counted:
    named = zip(("key", "merchant"), wanted, held, strict=False)
    return Counted(taken, tuple(Standing(name, limit, tokens) for name, (_, limit), tokens in named))


class PullBudget:
    """Bounds the questions to each account's provider, whoever asks them: processing or reconciliation."""

    def __init__(self, buckets: Buckets) -> None:
        self._buckets = buckets

    def wait_s(self, account_id: UUID, per_s: float) -> float:
        """
        Take the right to one question and return 0, or return the seconds until there may be one. Who is told to wait
        has a turn of its own, so that those who wait come back one after the other.
        """
        [(_, limit)] = wanted = _pull(account_id, per_s)
        taken, (tokens,) = self._buckets.take(wanted)
        if taken:
            return 0.0
        return self._buckets.line_up(f"pull:{account_id}", per_s, Standing("pull", limit, tokens).wait_s)

    def take(self, account_id: UUID, per_s: float, count: int) -> int:
        """Take the right to so many questions, or to as many as may be asked at once, in one round trip."""
        [(name, limit)] = _pull(account_id, per_s)
        return self._buckets.take_some(name, limit, count)


def _pull(account_id: UUID, per_s: float) -> Wanted:
    return [(f"pull:{account_id}", Limit(per_s, max(1, round(2 * per_s))))]
