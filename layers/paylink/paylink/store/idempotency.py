"""Idempotency keys: who works at a key, and the snapshot of its answer."""

from dataclasses import dataclass
from uuid import UUID

from psycopg2.extras import Json

from paylink.store.unit_of_work import UnitOfWork


@dataclass(frozen=True)
class KeyName:
    merchant_id: UUID
    operation: str
    key: str

    @property
    def columns(self) -> dict[str, object]:
        return {"merchant_id": self.merchant_id, "operation": self.operation, "key": self.key}


@dataclass(frozen=True)
class Snapshot:
    """The finished answer, replayed to whoever sends the key again."""

    status: int
    body: dict[str, object]


@dataclass(frozen=True)
class StoredKey:
    """`leased`: somebody works at it, for `leased_s` seconds more at most."""

    fingerprint: bytes
    transaction_id: UUID | None
    snapshot: Snapshot | None
    leased: bool
    leased_s: int


def take_key(uow: UnitOfWork, name: KeyName, fingerprint: bytes, *, lease_s: int) -> bool:
    """Take a new key with its lease. False: the key exists."""
    return uow.first("take_key", **name.columns, fingerprint=fingerprint, lease_s=lease_s) is not None


def lock_key(uow: UnitOfWork, name: KeyName) -> StoredKey:
    row = uow.one("lock_key", **name.columns)
    snapshot = None
    if row["recovery_point"] == "finished":
        snapshot = Snapshot(row["response_status"], row["response_body"])
    return StoredKey(bytes(row["fingerprint"]), row["transaction_id"], snapshot, row["leased"], row["leased_s"])


def lease_key(uow: UnitOfWork, name: KeyName, *, lease_s: int, transaction_id: UUID | None = None) -> None:
    """Set the lease from now; 0 gives it back."""
    uow.run("lease_key", **name.columns, lease_s=lease_s, transaction_id=transaction_id)


def finish_key(uow: UnitOfWork, name: KeyName, snapshot: Snapshot) -> None:
    uow.run("finish_key", **name.columns, status=snapshot.status, body=Json(snapshot.body))
