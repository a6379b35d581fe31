"""The room in which all rows are measured: the stack, both sides, and what one row finds that another needs."""

import contextlib
import statistics
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from uuid import UUID

from bench.common import generator, webhooks
from bench.common.generator import Load
from bench.common.paylink_side import PayLink
from bench.common.resources import cpu_seconds
from bench.common.rules import Void
from bench.common.seeding import seed
from bench.common.stack import Stack
from bench.intake.bare_side import THREADS, Bare, best_threads
from bench.intake.checks import await_applied, check_stored
from bench.intake.effort import Effort

DRAIN_S = 900.0
LIGHTER_LOADS = (0.1, 0.25)
"""Shares of a peak at which latency is also shown, beside the half that is judged."""

PROBE_S = 1.0
_PROBE_REQUESTS = 12_000
_SPARE = 1.5
"""So many times the requests that a run is expected to need: it must not end for want of them."""


@dataclass
class Lab:
    """Everything is started when it is first needed."""

    stack: Stack
    effort: Effort
    folder: Path
    bare_rates: dict[int, float] = field(default_factory=dict)
    """Requests per second by threads, as found when the yardstick was chosen."""
    steady_per_s: dict[str, float] = field(default_factory=dict)
    """The rate that each side keeps up with, by the side's name."""
    cpu_ms: dict[str, dict[str, float]] = field(default_factory=dict)
    """Processor time of each part for an event, in milliseconds, in the last run of each kind."""
    not_accepted: Counter[str] = field(default_factory=Counter)
    """Requests of each kind of run that got no 2xx: they count in no rate."""
    curves: dict[str, dict[float, float]] = field(default_factory=dict)
    """Latencies for the plot, in milliseconds by percent."""
    series: dict[str, list[float]] = field(default_factory=dict)
    """Rates for the plot, run by run or second by second."""

    def say(self, line: str) -> None:
        print(line, file=sys.stderr, flush=True)

    @cached_property
    def paylink(self) -> PayLink:
        """With its gateway."""
        side = PayLink(self.stack, "paylink")
        side.start_gateway()
        # Nobody but a worker makes the queues.
        side.start_worker()
        side.stop_worker()
        durability = [side.row(f"show {name}")[name] for name in ("fsync", "synchronous_commit", "full_page_writes")]
        if durability != ["on"] * 3:
            raise Void(f"fsync, synchronous_commit, full_page_writes are {durability}")
        return side

    @cached_property
    def bare(self) -> Bare:
        """Running with the number of threads that is best here, and warm."""
        bare = Bare(self.stack, self.paylink.secret)
        requests = self.prepare(self.paylink, _PROBE_REQUESTS)
        rates: dict[int, list[float]] = {threads: [] for threads in THREADS}
        for threads, found in rates.items():
            bare.start(threads)
            for _ in range(3):
                load = generator.send(requests, bare.port, seconds=PROBE_S)
                bare.check(load)
                found.append(load.rate_per_s)
            bare.stop()
            self.bare_rates[threads] = statistics.median(found)
            self.say(f"  bare, {threads} threads: {self.bare_rates[threads]:,.0f} /s")
        bare.start(best_threads(self.bare_rates))
        bare.check(generator.send(requests, bare.port, seconds=PROBE_S))
        return bare

    @property
    def bare_per_s(self) -> float:
        """What the yardstick takes, roughly."""
        assert self.bare  # started, and so measured
        return max(self.bare_rates.values())

    @cached_property
    def peak_per_s(self) -> float:
        """What intake alone takes, roughly."""
        side, since = self.paylink, self.paylink.mark()
        for _ in range(2):
            load = self.intake_run(side, self.prepare(side, _PROBE_REQUESTS), PROBE_S)
        self.apply_all(side, since)
        return load.rate_per_s

    def prepare(self, side: PayLink, count: int) -> Path:
        """Seed so many transactions, and write the request that pays each."""
        file = self.folder / "requests"
        generator.write_requests(file, webhooks.requests(seed(side, count), side.secret))
        return file

    def prepare_for(self, side: PayLink, rate_per_s: float, seconds: float) -> Path:
        return self.prepare(side, int(rate_per_s * seconds * _SPARE) + 1000)

    def bare_run(self, requests: Path, seconds: float) -> Load:
        with self.cpu_counted("bare") as loads:
            load = generator.send(requests, self.bare.port, seconds=seconds)
            loads.append(load)
        self.bare.check(load)
        return load

    def intake_run(self, side: PayLink, requests: Path, seconds: float, rate_per_s: float = 0) -> Load:
        """Send, and check what is stored. No worker runs: the work waits for `apply_all`."""
        mark = side.mark()
        with self.cpu_counted("intake, paced" if rate_per_s else "intake") as loads:
            load = generator.send(requests, side.port, seconds=seconds, rate_per_s=rate_per_s)
            loads.append(load)
        check_stored(side, mark, load)
        return load

    def apply_all(self, side: PayLink, since: UUID) -> None:
        """Let a worker do what waits, and check that everything since the mark was done once."""
        with self.worker(side):
            await_applied(side, since, DRAIN_S)

    @contextlib.contextmanager
    def worker(self, side: PayLink) -> Iterator[None]:
        """Run a worker for the time of the block; it begins warm, with nothing left to do but what waited before."""
        side.start_worker()
        try:
            mark = side.mark()
            requests = self.prepare(side, 200)
            generator.send(requests, side.port, seconds=1, rate_per_s=200)
            await_applied(side, mark, DRAIN_S)
            yield
        finally:
            side.stop_worker()

    @contextlib.contextmanager
    def cpu_counted(self, kind: str) -> Iterator[list[Load]]:
        """Note the processor time that each part uses in the block. The block gives the one load that it sent."""
        before = cpu_seconds(self.stack.pids())
        loads: list[Load] = []
        yield loads
        after = cpu_seconds(self.stack.pids())
        [load] = loads
        self.not_accepted[kind] += load.doubtful
        used: dict[str, float] = defaultdict(float, generator=load.cpu_s)
        for service, seconds in after.items():
            # The gateways of all sides are one part: all but one of them idle.
            used[service.split()[0]] += seconds - before.get(service, 0)
        self.cpu_ms[kind] = {part: 1000 * seconds / max(1, load.accepted) for part, seconds in used.items()}
