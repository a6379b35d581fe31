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
    """`leased`: somebody works at it, for `leased_s` seconds more at most. `fence` is the number of the last lease."""

    fingerprint: bytes
    fence: int
    transaction_id: UUID | None
    snapshot: Snapshot | None
    leased: bool
    leased_s: int


def take_key(uow: UnitOfWork, name: KeyName, fingerprint: bytes, *, lease_s: int) -> int | None:
    """Take a new key with its first lease, and return its fence. None: the key exists."""
    row = uow.first("take_key", **name.columns, fingerprint=fingerprint, lease_s=lease_s)
    return None if row is None else int(row["fence"])


def lock_key(uow: UnitOfWork, name: KeyName) -> StoredKey:
    """
    Raises:
        LookupError: There is no such key.
    """
    stored = find_key(uow, name)
    if stored is None:
        raise LookupError("no such idempotency key")
    return stored


def find_key(uow: UnitOfWork, name: KeyName) -> StoredKey | None:
    """Return a key, locked to the end of the unit of work, or None."""
    row = uow.first("lock_key", **name.columns)
    if row is None:
        return None
    snapshot = None
    if row["recovery_point"] == "finished":
        snapshot = Snapshot(row["response_status"], row["response_body"])
    return StoredKey(
        bytes(row["fingerprint"]), row["fence"], row["transaction_id"], snapshot, row["leased"], row["leased_s"]
    )


def name_transaction(uow: UnitOfWork, name: KeyName, transaction_id: UUID) -> None:
    """Note which transaction the key stands for."""
    uow.run("name_transaction", **name.columns, transaction_id=transaction_id)


def find_key_of_transaction(uow: UnitOfWork, merchant_id: UUID, operation: str, transaction_id: UUID) -> KeyName | None:
    """Return the newest key of an operation on a transaction; None once it is forgotten."""
    names = {"merchant_id": merchant_id, "operation": operation, "transaction_id": transaction_id}
    row = uow.first("find_key_of_transaction", **names)
    return None if row is None else KeyName(merchant_id, operation, row["key"])


def take_over_key(uow: UnitOfWork, name: KeyName, *, lease_s: int) -> int:
    """Begin a new lease, and return its fence. The key must be locked and its last lease over."""
    return int(uow.one("take_over_key", **name.columns, lease_s=lease_s)["fence"])


def release_key(uow: UnitOfWork, name: KeyName) -> None:
    """Give the lease back: the next request with this key may go on at once."""
    uow.run("release_key", **name.columns)


def finish_key(uow: UnitOfWork, name: KeyName, snapshot: Snapshot) -> None:
    uow.run("finish_key", **name.columns, status=snapshot.status, body=Json(snapshot.body))
