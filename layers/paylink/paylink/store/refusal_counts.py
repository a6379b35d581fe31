"""Counts of refused webhooks, gathered in memory and written beside the answers."""

from collections import Counter
from uuid import UUID

from paylink.store.database import Database
from paylink.store.gathering import WRITE_WITHIN_S, Gathering
from paylink.store.shards import any_shard
from paylink.store.unit_of_work import UnitOfWork

_SHARDS = 16

_Key = tuple[UUID | None, str, str]


class RefusalCounts:
    """Safe to share between threads. A process that stops calls `close`."""

    def __init__(self, database: Database, *, by_caller: bool) -> None:
        """by_caller: see `Gathering`."""
        self._database = database
        # Random: on Lambda each process has the same few ids.
        self._shard = any_shard(_SHARDS)
        self._gathering = Gathering[_Key]("refusal-counts", self._write, by_caller=by_caller)

    def add(self, provider: str, account_id: UUID | None, reason: str) -> None:
        """Count one. Never raises. There must be a bounded number of each of the three."""
        self._gathering.add((account_id, provider, reason))

    def close(self) -> None:
        """Write what is left, within a second."""
        self._gathering.close()

    def _write(self, counts: Counter[_Key]) -> None:
        self._database.run(lambda uow: self._add_to_table(uow, counts), deadline_s=WRITE_WITHIN_S)

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
