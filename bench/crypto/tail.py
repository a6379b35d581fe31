"""How long single calls take while another Python thread is busy: who lets go of the GIL may wait for it."""

import hmac
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from time import perf_counter, perf_counter_ns

from bench.common.summary import Spread, percentile, spread
from bench.crypto.comparison import OURS
from bench.crypto.goals import TAIL_US_AT_MOST, Verdict
from paycrypto import HmacSha256Key

MESSAGE_BYTES = 1024
STANDARD = "hmac.digest"
# Forty switch intervals of 5 ms: a call that waits for one takes as long.
_BLOCK_S = 0.2


@dataclass(frozen=True)
class Tail:
    """The microseconds of every call, block by block."""

    name: str
    blocks: list[list[float]] = field(repr=False)

    def at_us(self, percent: float) -> float:
        return percentile([call for block in self.blocks for call in block], percent)

    def p99_us(self) -> Spread:
        """Of each block's."""
        return spread([percentile(block, 99) for block in self.blocks])


def verdict(tail: Tail) -> Verdict:
    return Verdict(5, "p99 at 1 KiB beside a busy thread", tail.p99_us(), TAIL_US_AT_MOST, "us", at_least=False)


def measure_tails(blocks: int) -> dict[str, Tail]:
    """Ours and the standard library's, block by block in turns."""
    secret, message = b"k" * 32, bytes(MESSAGE_BYTES)
    tag = hmac.digest(secret, message, "sha256")
    calls: Mapping[str, Callable[[], object]] = {
        OURS: partial(HmacSha256Key(secret).verify, message, tag),
        STANDARD: lambda: hmac.compare_digest(hmac.digest(secret, message, "sha256"), tag),
    }
    times: dict[str, list[list[float]]] = {name: [] for name in calls}
    with busy_thread():
        for _ in range(blocks):
            for name, call in calls.items():
                times[name].append(time_calls(call))
    return {name: Tail(name, found) for name, found in times.items()}


def time_calls(call: Callable[[], object]) -> list[float]:
    """The microseconds of one call after the other, until the time is up."""
    times = []
    until = perf_counter() + _BLOCK_S
    while perf_counter() < until:
        began = perf_counter_ns()
        call()
        times.append((perf_counter_ns() - began) / 1e3)
    return times


@contextmanager
def busy_thread() -> Iterator[None]:
    """A thread that never waits for anything but the GIL."""
    done = False

    def spin() -> None:
        while not done:
            sum(range(50))

    thread = threading.Thread(target=spin, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done = True
        thread.join()
