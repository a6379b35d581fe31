"""What a merchant sees of refunds."""

from uuid import UUID

from paylink.core.errors import NotFound
from paylink.store import transactions as tx
from paylink.store.database import Database
from paylink.store.refunds import Refund, RefundHistoryRow, list_refund_history, list_refunds
from paylink.store.unit_of_work import UnitOfWork


def read_refunds(database: Database, merchant_id: UUID, transaction_id: UUID) -> dict[str, object]:
    """
    Return the refunds of a merchant's transaction, the oldest first.

    Raises:
        NotFound: There is no such transaction, or it is another merchant's.
        StorageUnavailable: The database cannot answer.
    """
    refunds = database.run(lambda uow: _owned(uow, merchant_id, transaction_id))
    return {"refunds": [refund_body(refund) for refund in refunds]}


def read_refund(database: Database, merchant_id: UUID, transaction_id: UUID, refund_id: UUID) -> dict[str, object]:
    """
    Return one refund of a merchant's transaction, with its history.

    Raises:
        NotFound: There is none, or it is another merchant's.
        StorageUnavailable: The database cannot answer.
    """

    def work(uow: UnitOfWork) -> dict[str, object]:
        refund = next((r for r in _owned(uow, merchant_id, transaction_id) if r.id == refund_id), None)
        if refund is None:
            raise NotFound("there is no such refund")
        return refund_body(refund) | {"history": [_history_body(row) for row in list_refund_history(uow, refund_id)]}

    return database.run(work)


def _owned(uow: UnitOfWork, merchant_id: UUID, transaction_id: UUID) -> list[Refund]:
    return list_refunds(uow, tx.read_owned(uow, merchant_id, transaction_id).id)


def refund_body(refund: Refund) -> dict[str, object]:
    return {
        "id": str(refund.id),
        "transaction_id": str(refund.transaction_id),
        "state": refund.state.value,
        "amount": refund.amount.amount,
        "currency": refund.amount.currency,
        "reason": refund.reason,
        "metadata": refund.metadata,
        "reference": refund.reference,
        "error": refund.error,
        "created_at": refund.created_at.isoformat(),
    }


def _history_body(row: RefundHistoryRow) -> dict[str, object]:
    return {
        "state": row.state.value,
        "at": row.created_at.isoformat(),
        "reserved": row.reserved,
        "evidence": row.evidence,
        "evidence_id": row.evidence_id,
        "alert": row.alert,
    }
