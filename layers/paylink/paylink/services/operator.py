"""Who changes merchants, keys and accounts, and how a change that creates is made once."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from paylink.core.api_key import OPERATOR_SCOPES
from paylink.core.errors import IdempotencyKeyReused
from paylink.core.reconciliation import BY_COMMAND
from paylink.store.database import Database
from paylink.store.operator_requests import OnceKey, keep_answer, take_once_key
from paylink.store.unit_of_work import UnitOfWork


@dataclass(frozen=True)
class Operator:
    """`name` is an operator key's prefix, or `command`; `scopes` are those that it may hand on to other operators."""

    name: str
    scopes: frozenset[str]


COMMAND = Operator(BY_COMMAND, frozenset(OPERATOR_SCOPES))


@dataclass(frozen=True)
class Created:
    """What was created, as the API shows it. `replayed`: by an earlier request with the same key."""

    body: Mapping[str, Any]
    replayed: bool = False


def create_once(database: Database, once: OnceKey | None, create: Callable[[UnitOfWork], dict[str, Any]]) -> Created:
    """
    Create something and keep its answer under the key, in one transaction; without a key, create it in any case.

    Raises:
        IdempotencyKeyReused: The key stands for another request.
    """

    def work(uow: UnitOfWork) -> Created:
        if once is None:
            return Created(create(uow))
        known = take_once_key(uow, once)
        if known is not None:
            if known.fingerprint not in once.fingerprints:
                raise IdempotencyKeyReused("send a new key with a new request")
            return Created(known.answer, replayed=True)
        body = create(uow)
        keep_answer(uow, once, body)
        return Created(body)

    return database.run(work)
