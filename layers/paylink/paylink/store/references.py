"""A provider's names for payments, and the transactions that they stand for."""

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from paylink.providers.payments import Reference
from paylink.store.arrays import text_array, uuid_array
from paylink.store.unit_of_work import UnitOfWork

Names = Sequence[tuple[UUID, Reference]]
"""References, each within its account."""


def in_account(account_id: UUID, references: Iterable[Reference]) -> Names:
    return [(account_id, reference) for reference in references]


def lock_references(uow: UnitOfWork, references: Names) -> None:
    """Take the advisory locks of these references, in one order. Needed before adding or parking on them."""
    if references:
        uow.run_prepared("lock_references", **_columns(references))


def find_by_references(uow: UnitOfWork, references: Names) -> dict[tuple[UUID, Reference], UUID]:
    """Return which of these references are known, and to which transactions they belong."""
    if not references:
        return {}
    rows = uow.all_prepared("find_by_references", **_columns(references))
    return {(row["account_id"], Reference(row["kind"], row["value"])): row["transaction_id"] for row in rows}


def add_references(uow: UnitOfWork, references: Names, transaction_ids: Sequence[UUID]) -> list[UUID]:
    """
    Add those that are new, each to the transaction at its place; return the parked events that are in flight again
    because of it. Locks must be held.
    """
    if not references:
        return []
    columns = _columns(references)
    woken = uow.all_prepared("add_references", transaction_ids=uuid_array(transaction_ids), **columns)
    return [row["id"] for row in woken]


def list_references(uow: UnitOfWork, transaction_id: UUID, account_id: UUID) -> list[Reference]:
    """Return the names that a transaction has in one account, the newest first."""
    rows = uow.all("list_references", id=transaction_id, account_id=account_id)
    return [Reference(row["kind"], row["value"]) for row in rows]


def _columns(references: Names) -> dict[str, Any]:
    return {
        "account_ids": uuid_array(account_id for account_id, _ in references),
        "kinds": text_array(reference.kind for _, reference in references),
        "values": text_array(reference.value for _, reference in references),
    }
