"""The steps between a checkout's phases, and the one way to store what came of them."""

from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from paylink.core.breaker import Permit
from paylink.core.errors import RequestInProgress
from paylink.services.ports import Parts
from paylink.store import transactions as tx
from paylink.store.attempts import Attempt
from paylink.store.checkouts import lock_work
from paylink.store.idempotency import KeyName, Snapshot
from paylink.store.references import Names, lock_references
from paylink.store.unit_of_work import UnitOfWork

OPERATION = "checkout"
LEASE_S = 25
"""create_checkout's timeout in template.yaml and 5 s more: while it runs, nobody else works at the same key."""


@dataclass(frozen=True)
class CheckoutAnswer:
    """What the client gets: 201 with a page, or 202 while it is not known whether the provider made one."""

    status: int
    body: dict[str, object]
    replayed: bool


@dataclass(frozen=True)
class Work:
    """
    An attempt whose provider is to be called. With `taken_over` another process began it, and a page of it may exist.

    `left` are the accounts that stand in when this one surely made nothing; `may_work_later` tells that one which was
    tried or passed over before could do it another time.
    """

    transaction: tx.Transaction
    attempt: Attempt
    fence: int
    permit: Permit | None
    left: tuple[UUID, ...] = ()
    may_work_later: bool = False

    @property
    def taken_over(self) -> bool:
        return self.permit is None


@dataclass(frozen=True)
class Due:
    """A transaction without an open attempt: the next one is to begin on the first of `accounts` that may be called."""

    transaction: tx.Transaction
    last_number: int
    fence: int
    accounts: tuple[UUID, ...]
    may_work_later: bool = False


Step = CheckoutAnswer | Work | Due


def replay(snapshot: Snapshot) -> CheckoutAnswer:
    return CheckoutAnswer(snapshot.status, snapshot.body, replayed=True)


def store_if_ours(
    parts: Parts,
    name: KeyName,
    fence: int,
    store: Callable[[UnitOfWork, tx.Transaction], Step],
    *,
    references: Names = (),
) -> Step:
    """
    Store in one transaction, with its rows and `references` locked, if the lease is still ours.

    Raises:
        RequestInProgress: Another took over, and has no answer yet. When it has one, that is returned.
    """

    def write(uow: UnitOfWork) -> Step:
        lock_references(uow, references)
        last_fence, snapshot, transaction = lock_work(uow, name)
        if snapshot is not None:
            return replay(snapshot)
        if last_fence != fence:
            raise RequestInProgress("another request with this key took over", retry_after_s=1)
        return store(uow, transaction)

    return parts.database.run(write)
