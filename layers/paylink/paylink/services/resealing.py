"""Re-sealing: every stored credential comes under the master key in use, so that an old one can go."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from uuid import UUID

from paylink.services.operator import Operator
from paylink.store.audit import write_audit
from paylink.store.database import Database
from paylink.store.ids import LEAST_ID
from paylink.store.sealing import CannotUnseal, Place, Sealer
from paylink.store.unit_of_work import UnitOfWork

BATCH = 50


@dataclass(frozen=True)
class Resealed:
    """
    What a run did. `remaining` counts by master key what is not under the one in use: held by another run just now,
    stored meanwhile by a process whose settings are older, or not to be opened here (`unopened`).
    """

    resealed: int
    unopened: int
    remaining: Mapping[str, int]


class Resealing:
    """Safe to run several times at once, and to kill: each batch is one transaction, and the next run goes on."""

    def __init__(self, database: Database, sealer: Sealer) -> None:
        self._database = database
        self._sealer = sealer

    def reseal(self, by: Operator) -> Resealed:
        """
        Raises:
            StorageUnavailable: The database cannot answer; what is done stays done.
        """
        counts: Counter[str] = Counter()
        after: UUID | None = LEAST_ID
        while after is not None:
            batch, after = self._database.run(partial(self._reseal_batch, after=after, by=by))
            counts.update(batch)
        left = self._database.run(lambda uow: uow.all("count_credentials_by_master_key"))
        remaining = {r["master_key_id"]: r["credentials"] for r in left if r["master_key_id"] != self._sealer.active}
        return Resealed(counts["resealed"], counts["unopened"], remaining)

    def _reseal_batch(self, uow: UnitOfWork, after: UUID, by: Operator) -> tuple[Counter[str], UUID | None]:
        """Return what became of a batch, and the id to go on after; None when it was the last."""
        rows = uow.all("lock_credentials_to_reseal", active=self._sealer.active, after=after, limit=BATCH)
        counts: Counter[str] = Counter()
        for row in rows:
            place = Place(row["merchant_id"], row["account_id"], row["field"])
            try:
                secret = self._sealer.unseal(bytes(row["sealed"]), row["master_key_id"], place)
            except CannotUnseal:
                counts["unopened"] += 1
                continue
            sealed, key_id = self._sealer.seal(secret, place)
            uow.run("reseal_credential", id=row["id"], sealed=sealed, master_key_id=key_id)
            counts["resealed"] += 1
        if counts["resealed"]:
            write_audit(
                uow,
                "credentials.resealed",
                made_by=by.name,
                master_key=self._sealer.active,
                credentials=counts["resealed"],
            )
        return counts, rows[-1]["id"] if rows else None
