"""Counts of refused webhooks, gathered in memory and written in the background, so that no answer waits for them."""

import logging
import secrets
import threading
from collections import Counter
from uuid import UUID

from paylink.store.database import Database
from paylink.store.unit_of_work import UnitOfWork

WRITE_EVERY_S = 1.0
PAUSE_S_MAX = 30.0
"""How long it waits at most before it tries again to write, when Postgres is away."""

_SHARDS = 16
_DEADLINE_S = 1.0

_Key = tuple[UUID | None, str, str]


class RefusalCounts:
    """
    Safe to share between threads. A thread lives only while there is something to write.

    What could not be written stays for the next time. A process that stops calls `close`; one that is killed loses what
    it gathered in its last second.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        # Random: on Lambda each process has the same few ids.
        self._shard = secrets.randbelow(_SHARDS)
        self._lock = threading.Lock()
        self._counts: Counter[_Key] = Counter()
        self._writing = False
        self._closed = threading.Event()

    def add(self, provider: str, account_id: UUID | None, reason: str) -> None:
        """Count one. Never raises, never waits. There must be a bounded number of each of the three."""
        with self._lock:
            self._counts[account_id, provider, reason] += 1
            if self._writing or self._closed.is_set():
                return
            self._writing = True
        try:
            threading.Thread(target=self._write_until_empty, name="refusal-counts", daemon=True).start()
        except RuntimeError:
            # No thread to be had now: the next one that is counted tries again.
            self._writing = False

    def close(self) -> None:
        """Write what is left, within a second, and start no thread any more."""
        self._closed.set()
        self._write(self._taken())

    def _write_until_empty(self) -> None:
        pause_s = WRITE_EVERY_S
        while True:
            with self._lock:
                if not self._counts:
                    self._writing = False
                    return
            pause_s = WRITE_EVERY_S if self._write(self._taken()) else min(2 * pause_s, PAUSE_S_MAX)
            if self._closed.wait(pause_s):
                return

    def _taken(self) -> Counter[_Key]:
        with self._lock:
            counts, self._counts = self._counts, Counter()
        return counts

    def _write(self, counts: Counter[_Key]) -> bool:
        if not counts:
            return True
        try:
            self._database.run(lambda uow: self._add_to_table(uow, counts), deadline_s=_DEADLINE_S)
        except Exception as exc:
            # Whatever it is, the counts must outlive it.
            logging.getLogger("paylink").warning(
                "counts of refused webhooks wait to be written", extra={"error": type(exc).__name__}
            )
            with self._lock:
                self._counts.update(counts)
            return False
        return True

    def _add_to_table(self, uow: UnitOfWork, counts: Counter[_Key]) -> None:
        account_ids, providers, reasons = zip(*counts, strict=True)
        uow.run(
            "add_refusals",
            account_ids=list(account_ids),
            providers=list(providers),
            reasons=list(reasons),
            refused=list(counts.values()),
            shard=self._shard,
        )
