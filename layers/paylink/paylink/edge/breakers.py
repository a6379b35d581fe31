"""
The circuit breakers of provider accounts, in Redis, so that all processes learn at once. See `core/breaker.py`.

Each step is one round trip, by Redis' clock. That a call worked is told along with the next question. Without Redis
each process has breakers of its own.
"""

import threading
import time
from collections import Counter
from collections.abc import Sequence
from uuid import UUID

from paylink.core import breaker
from paylink.core.breaker import BreakerRules, BreakerState, Permit
from paylink.edge.shared_redis import SharedRedis

_LOCAL_MAX = 10_000
_KEPT_MS = 600_000

# The same steps as core/breaker.py's; a test walks both side by side.
_STEP = """
local window_ms, failures_min, failures_percent = tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
local open_ms, open_max_ms, probe_ms = tonumber(ARGV[6]), tonumber(ARGV[7]), tonumber(ARGV[8])
local action, number = ARGV[1], tonumber(ARGV[2])
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local kept = redis.call('HMGET', KEYS[1], 'window_at', 'worked', 'failed', 'open_until', 'openings', 'probe_until')
for n = 1, 6 do kept[n] = tonumber(kept[n]) or 0 end
local window_at, worked, failed, open_until, openings, probe_until = unpack(kept)
local wait, probe = 0, 0

local function in_window()
    if now - window_at >= window_ms then window_at, worked, failed = now, 0, 0 end
end
local function open()
    local length = math.min(open_ms * 2 ^ openings, open_max_ms)
    window_at, worked, failed, probe_until = now, 0, 0, 0
    open_until, openings = now + length, math.min(openings + 1, 16)
end

if action == 'admit' then
    if open_until == 0 then
        in_window()
        worked = worked + number
    elseif now < math.max(open_until, probe_until) then
        wait = math.max(open_until, probe_until) - now
    else
        probe_until = now + probe_ms
        probe = probe_until
    end
elseif action == 'release' then
    if number ~= 0 and number == probe_until then probe_until = 0 end
elseif open_until == 0 then
    if action == 'failed' then
        in_window()
        failed = failed + 1
        if failed >= failures_min and failed * 100 >= failures_percent * (failed + worked) then open() end
    end
elseif number ~= 0 and number == probe_until then
    if action == 'failed' then
        open()
    else
        window_at, worked, failed, open_until, openings, probe_until = now, 0, 0, 0, 0, 0
    end
end
local function text(n) return string.format('%d', n) end
redis.call('HSET', KEYS[1], 'window_at', text(window_at), 'worked', text(worked), 'failed', text(failed),
           'open_until', text(open_until), 'openings', text(openings), 'probe_until', text(probe_until))
redis.call('PEXPIRE', KEYS[1], ARGV[9])
return {wait, probe}
"""

# Now, and until when each breaker is open.
_READ = """
local clock = redis.call('TIME')
local told = {clock[1] * 1000 + math.floor(clock[2] / 1000)}
for n, key in ipairs(KEYS) do told[n + 1] = redis.call('HGET', key, 'open_until') end
return told
"""


class Breakers:
    """Safe to share between threads."""

    def __init__(self, shared: SharedRedis, rules: BreakerRules | None = None) -> None:
        self._shared = shared
        self._rules = rules or BreakerRules()
        self._lock = threading.Lock()
        self._worked: Counter[UUID] = Counter()
        self._local: dict[UUID, BreakerState] = {}

    def admit(self, account_id: UUID) -> Permit:
        """Tell whether this account's provider may be called now, or in how long."""
        with self._lock:
            worked = self._worked.pop(account_id, 0)
        return self._shared.ask(
            lambda: self._step(account_id, "admit", worked), lambda: self._admit_locally(account_id, worked)
        )

    def report(self, account_id: UUID, permit: Permit, *, worked: bool) -> None:
        """Tell how the call ended that was permitted."""
        if worked and not permit.probe:
            with self._lock:
                self._worked[account_id] += 1
            return
        self._shared.ask(
            lambda: self._step(account_id, "worked" if worked else "failed", permit.probe),
            lambda: self._report_locally(account_id, permit, worked),
        )

    def release(self, account_id: UUID, permit: Permit) -> None:
        """Give a permit back whose call was not made."""
        if permit.probe:
            self._shared.ask(
                lambda: self._step(account_id, "release", permit.probe),
                lambda: self._release_locally(account_id, permit),
            )

    def states(self, account_ids: Sequence[UUID]) -> list[str]:
        """Return `closed`, `open` or `half_open` for each account; without Redis, as this process sees it."""
        return self._shared.ask(lambda: self._read(account_ids), lambda: self._read_locally(account_ids))

    def _step(self, account_id: UUID, action: str, number: int) -> Permit:
        rules = self._rules
        limits = (rules.window_ms, rules.failures_min, rules.failures_percent)
        times = (rules.open_ms, rules.open_max_ms, rules.probe_ms, _KEPT_MS)
        words = (action, number, *limits, *times)
        wait_ms, probe = self._shared.link.run_script(_STEP, [_key(account_id)], words)
        return Permit(int(wait_ms), int(probe))

    def _read(self, account_ids: Sequence[UUID]) -> list[str]:
        now_ms, *open_until = self._shared.link.run_script(_READ, [_key(account_id) for account_id in account_ids], [])
        return [BreakerState(open_until=int(until or 0)).name(int(now_ms)) for until in open_until]

    # Without Redis

    def _admit_locally(self, account_id: UUID, worked: int) -> Permit:
        with self._lock:
            if len(self._local) >= _LOCAL_MAX:
                self._local.clear()
            state, permit = breaker.admit(self._of(account_id), _now_ms(), self._rules, worked=worked)
            self._local[account_id] = state
        return permit

    def _report_locally(self, account_id: UUID, permit: Permit, worked: bool) -> None:
        with self._lock:
            state = self._of(account_id)
            self._local[account_id] = breaker.report(state, _now_ms(), self._rules, probe=permit.probe, worked=worked)

    def _release_locally(self, account_id: UUID, permit: Permit) -> None:
        with self._lock:
            self._local[account_id] = breaker.release(self._of(account_id), probe=permit.probe)

    def _read_locally(self, account_ids: Sequence[UUID]) -> list[str]:
        with self._lock:
            return [self._of(account_id).name(_now_ms()) for account_id in account_ids]

    def _of(self, account_id: UUID) -> BreakerState:
        return self._local.get(account_id, BreakerState())


def _key(account_id: UUID) -> str:
    # Read many at once: see `RedisLink.run_script`.
    return f"paylink:breaker:{{all}}:{account_id}"


def _now_ms() -> int:
    return int(time.monotonic() * 1000)
