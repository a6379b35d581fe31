"""The room in which all rows are measured: the stack, the sandbox with its books, and worker processes."""

import atexit
import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from bench.common.generator import REPOSITORY
from bench.common.paylink_side import PROVIDER, PayLink
from bench.common.resources import cpu_seconds
from bench.common.rules import Void
from bench.common.seeding import Seeded, seed
from bench.common.stack import Stack
from bench.reconcile import stand_in
from bench.reconcile.books import Books
from bench.reconcile.effort import Effort
from bench.reconcile.worker_side import Worker, worker

_RUN = "select state, selected, checked, changed, failed from reconciliation_runs where id = %s"
_ENDLESS_S = 3600.0


@dataclass
class Lab:
    """Everything is started when it is first needed."""

    stack: Stack
    effort: Effort
    folder: Path
    cpu_ms: dict[str, dict[str, float]] = field(default_factory=dict)
    """Processor time of each part for a transaction, in milliseconds, in the last run of each kind."""

    def say(self, line: str) -> None:
        print(line, file=sys.stderr, flush=True)

    @cached_property
    def paylink(self) -> PayLink:
        """Its database, and no process of it: `worker` has one of its own."""
        return PayLink(self.stack, "paylink")

    @cached_property
    def books(self) -> Books:
        """The sandbox's: one process with threads, as it is shipped."""
        self.stack.start("sandbox", self.paylink.services["sandbox"])
        return Books(self.paylink)

    def open(self, count: int) -> list[Seeded]:
        """Add so many transactions whose pages are open, here and at the provider."""
        seeded = seed(self.paylink, count)
        self.books.open(seeded)
        return seeded

    @cached_property
    def crowded(self) -> PayLink:
        """The same with a database of its own."""
        return PayLink(self.stack, "crowded", "crowded")

    @cached_property
    def stand_in(self) -> dict[str, str]:
        """The setting that has a worker ask the stand-in, which ends with this process."""
        file = self.folder / "session"
        file.write_bytes(self.books.open_session(stand_in.SESSION.decode(), stand_in.ATTEMPT.decode()))
        server = subprocess.Popen(
            [sys.executable, "-P", "-m", "bench.reconcile.stand_in", str(file)],
            stdout=subprocess.PIPE,
            text=True,
            cwd=REPOSITORY,
            env={"PATH": os.environ["PATH"], "PYTHONPATH": str(REPOSITORY)},
        )
        atexit.register(server.kill)
        assert server.stdout is not None
        return {f"PAYLINK_{PROVIDER.upper()}_API_BASE": f"http://127.0.0.1:{server.stdout.readline().strip()}"}

    def end_runs(self) -> None:
        """Forget what is left of runs that were stopped, so that new ones may begin."""
        self.crowded.run("delete from reconciliation_batches")
        self.crowded.run("update reconciliation_runs set state = 'partial' where state = 'running'")

    @contextlib.contextmanager
    def worker(self, side: PayLink | None = None, **settings: str) -> Iterator[Worker]:
        with worker((side or self.paylink).environ | settings, self.folder / "worker.log") as process:
            yield process

    def run(self, process: Worker, *, asked: int, changed: int) -> dict[str, Any]:
        """
        Begin a run, and work at it until its end; return what that took.

        Raises:
            Void: It did not ask about so many, with so many of them changed.
        """
        planned = process.do("plan")
        took = process.do("work", run_id=planned["run_id"], within_s=_ENDLESS_S)
        found = self.paylink.row(_RUN, planned["run_id"])
        expected = {"state": "finished", "selected": asked, "checked": asked, "changed": changed, "failed": 0}
        if found != expected:
            raise Void(f"a run ended as {found}, and not as {expected}")
        return took | {"seconds": took["seconds"] + planned["seconds"]}

    @contextlib.contextmanager
    def cpu_counted(self, kind: str, process: Worker, transactions: int) -> Iterator[None]:
        """Note the processor time that each part uses in the block, for one of so many transactions."""
        parts = {**self.stack.pids(), "worker": process.pid}
        before = cpu_seconds(parts)
        yield
        after = cpu_seconds(parts)
        self.cpu_ms[kind] = {part: 1000 * (after[part] - before[part]) / transactions for part in parts}


def ids(seeded: Sequence[Seeded]) -> list[str]:
    return [str(transaction.id) for transaction in seeded]
