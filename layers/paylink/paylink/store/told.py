"""What providers' answers have shown of transactions and no repair has settled, as settlement lines may tell it too."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from paylink.core.foreseen import Foreseen, foreseen_of
from paylink.store.arrays import uuid_array
from paylink.store.unit_of_work import Row, UnitOfWork


@dataclass(frozen=True)
class Told:
    """
    What an answer shows of a transaction that was at `version`, None where that cannot be read; with `foreseen` it can
    be repaired. `run_id`: the run that was the last to see it. One that a person has accepted never goes away, whatever
    later answers show.
    """

    transaction_id: UUID
    kind: str
    currency: str
    drift: int
    version: int | None
    foreseen: Foreseen | None
    run_id: UUID
    accepted: bool = False


def list_told_by_status(uow: UnitOfWork, account_id: UUID, transaction_ids: Sequence[UUID]) -> list[Told]:
    """Return what is open or accepted of these transactions."""
    ids = uuid_array(transaction_ids)
    rows = uow.all("list_told_by_status", account_id=account_id, transaction_ids=ids)
    return [_told(row, row["after"], row["last_run_id"], accepted=row["state"] != "open") for row in rows]


@dataclass(frozen=True)
class DryRun:
    """
    What a dry run's answers about one account have shown; it is stored nowhere else. `answered`: of those of which
    something is stored, the transactions that it has asked about: they are as it has found them.
    """

    run_id: UUID
    found: Mapping[UUID, Sequence[Row]]
    answered: frozenset[UUID]

    def instead_of(self, stored: Iterable[Told], transaction_ids: Iterable[UUID]) -> list[Told]:
        """Return what is known of these transactions, of which this is stored."""
        found = [row for one in transaction_ids for row in self.found.get(one, ())]
        own = [_told(row, row["after"] and json.loads(row["after"]), self.run_id) for row in found]
        left = [one for one in stored if one.transaction_id not in self.answered]
        return own + [one for one in left if one.transaction_id not in self.found]


def read_dry_run(uow: UnitOfWork, account_id: UUID, run_id: UUID) -> DryRun:
    """Read all at once: what it found lies with its batches, which know no single transaction."""
    whose = {"run_id": run_id, "account_id": account_id}
    found: dict[UUID, list[Row]] = {}
    for row in uow.all("list_told_by_dry_run", **whose):
        found.setdefault(row["transaction_id"], []).append(row)
    answered = frozenset(row["transaction_id"] for row in uow.all("list_answered_in_dry_run", **whose))
    return DryRun(run_id, found, answered)


def _told(row: Row, after: object, run_id: UUID, *, accepted: bool = False) -> Told:
    foreseen = foreseen_of(after)
    version = row["version"] if foreseen is None else foreseen.version
    return Told(row["transaction_id"], row["kind"], row["currency"], row["drift"], version, foreseen, run_id, accepted)
