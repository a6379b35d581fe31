"""Transactions with all that hangs on them."""

from collections.abc import Collection
from uuid import UUID

from paylink.store.arrays import uuid_array
from paylink.store.unit_of_work import Row, UnitOfWork

Owned = tuple[UUID, UUID]
"""A merchant's id and a transaction's."""


def show_transactions(uow: UnitOfWork, wanted: Collection[Owned]) -> dict[Owned, Row]:
    """Return those that there are, each for the merchant who owns it and asks for it."""
    rows = uow.all_prepared(
        "show_transactions",
        merchant_ids=uuid_array(merchant_id for merchant_id, _ in wanted),
        ids=uuid_array(transaction_id for _, transaction_id in wanted),
    )
    return {(row["merchant_id"], row["id"]): row for row in rows}
