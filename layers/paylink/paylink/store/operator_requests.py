"""Idempotency keys of operators, each with the answer to what it created."""

from dataclasses import dataclass
from typing import Any

from psycopg2.extras import Json

from paylink.store.unit_of_work import UnitOfWork


@dataclass(frozen=True)
class OnceKey:
    """An operator's Idempotency-Key. Each of `fingerprints` stands for all that was asked for; the first is stored."""

    made_by: str
    key: str
    fingerprints: tuple[bytes, ...]

    @property
    def columns(self) -> dict[str, Any]:
        return {"made_by": self.made_by, "key": self.key}


@dataclass(frozen=True)
class KnownRequest:
    """An earlier request with the same key."""

    fingerprint: bytes
    answer: dict[str, Any]


def take_once_key(uow: UnitOfWork, once: OnceKey) -> KnownRequest | None:
    """Take a key for this transaction, or return the request that has it; one that is running is waited for."""
    if uow.first("take_operator_request", **once.columns, fingerprint=once.fingerprints[0]) is not None:
        return None
    row = uow.one("read_operator_request", **once.columns)
    return KnownRequest(bytes(row["fingerprint"]), row["answer"])


def keep_answer(uow: UnitOfWork, once: OnceKey, answer: dict[str, Any]) -> None:
    """Keep what was answered, for who asks again. It must hold no secret."""
    uow.run("finish_operator_request", **once.columns, answer=Json(answer))
