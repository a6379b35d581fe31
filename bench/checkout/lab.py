"""The room in which all rows are measured: the stack, PayLink with its gateway, and the yardstick."""

import contextlib
import dataclasses
import os
import statistics
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from bench.checkout.bare_side import Bare
from bench.checkout.effort import Effort
from bench.checkout.traced_gateway import TRACE
from bench.common import generator
from bench.common.generator import REPOSITORY, Load
from bench.common.paylink_side import PayLink
from bench.common.resources import cpu_seconds
from bench.common.stack import Stack
from paylink_local.supervisor.guarded import Command
from paylink_local.supervisor.service import Service

THREADS = (4, 16, 32)
PROBE_S = 1.0


@dataclass
class Lab:
    """Everything is started when it is first needed."""

    stack: Stack
    effort: Effort
    folder: Path
    bare_rates: dict[int, float] = field(default_factory=dict)
    """Reads per second by threads, as found when the yardstick was chosen."""
    cpu_ms: dict[str, dict[str, float]] = field(default_factory=dict)
    """Processor time of each part for a request, in milliseconds, in the last run of each kind."""

    def say(self, line: str) -> None:
        print(line, file=sys.stderr, flush=True)

    @property
    def trace(self) -> Path:
        return self.folder / "trace"

    @cached_property
    def paylink(self) -> PayLink:
        """With the sandbox."""
        side = PayLink(self.stack, "paylink")
        self.stack.start("sandbox", side.services["sandbox"])
        side.start_gateway()
        # Nobody but a worker makes the queues.
        side.start_worker()
        side.stop_worker()
        return side

    @contextlib.contextmanager
    def traced(self) -> Iterator[None]:
        """In the block the gateway is one that notes times; that costs it a little."""
        side = self.paylink
        shipped = side.services["gateway"]
        self.trace.mkdir(exist_ok=True)
        traced = dataclasses.replace(shipped, start=lambda: self._traced(shipped))
        for service in (traced, shipped):
            self.stack.stop(side.gateway)
            self.stack.start(side.gateway, service)
            if service is traced:
                yield

    @property
    def merchant_key(self) -> str:
        return self.paylink.environ["PAYLINK_DEMO_MERCHANT_KEY"]

    @property
    def operator_key(self) -> str:
        return self.paylink.environ["PAYLINK_DEMO_OPERATOR_KEY"]

    @contextlib.contextmanager
    def cpu_counted(self, kind: str) -> Iterator[list[Load]]:
        """Note the processor time that each part uses in the block. The block gives the one load that it sent."""
        before = cpu_seconds(self.stack.pids())
        loads: list[Load] = []
        yield loads
        after = cpu_seconds(self.stack.pids())
        [load] = loads
        used = {part.split()[0]: seconds - before.get(part, 0) for part, seconds in after.items()}
        used["generator"] = load.cpu_s
        self.cpu_ms[kind] = {part: 1000 * seconds / load.accepted for part, seconds in used.items()}

    def forget_trace(self) -> None:
        """Begin anew with what the gateway notes."""
        for file in self.trace.iterdir():
            os.truncate(file, 0)

    def best_bare(self, bare: Bare, requests: Path) -> None:
        """Leave the yardstick running with the number of threads that is best here, and warm."""
        for threads in THREADS:
            bare.start(threads)
            runs = [generator.send(requests, bare.port, seconds=PROBE_S).rate_per_s for _ in range(3)]
            bare.stop()
            self.bare_rates[threads] = statistics.median(runs)
            self.say(f"  bare, {threads} threads: {self.bare_rates[threads]:,.0f} /s")
        bare.start(max(self.bare_rates, key=lambda threads: self.bare_rates[threads]))
        generator.send(requests, bare.port, seconds=PROBE_S)

    def _traced(self, shipped: Service) -> Command:
        assert shipped.start is not None
        command = shipped.start()
        argv = tuple(
            "bench.checkout.traced_gateway" if word == "paylink_local.gateway" else word for word in command.argv
        )
        environ = {**command.environ, TRACE: str(self.trace), "PYTHONPATH": str(REPOSITORY)}
        return dataclasses.replace(command, argv=argv, environ=environ)
