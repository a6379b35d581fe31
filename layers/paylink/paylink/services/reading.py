"""What a merchant sees of a transaction."""

from uuid import UUID

from paylink.core.errors import NotFound
from paylink.core.states import State
from paylink.store import transactions as tx
from paylink.store.attempts import Attempt, list_attempts
from paylink.store.changes import HistoryRow, list_history
from paylink.store.database import Database
from paylink.store.unit_of_work import Row, UnitOfWork


def read_transaction(database: Database, merchant_id: UUID, transaction_id: UUID) -> dict[str, object]:
    """
    Return one transaction of a merchant with its attempts, its history and its events.

    Raises:
        NotFound: There is none, or it is another merchant's.
        StorageUnavailable: The database cannot answer.
    """

    def work(uow: UnitOfWork) -> dict[str, object]:
        transaction = tx.read_transaction(uow, transaction_id)
        if transaction is None or transaction.merchant_id != merchant_id:
            raise NotFound("there is no such transaction")
        attempts = list_attempts(uow, transaction_id)
        history = list_history(uow, transaction_id)
        events = uow.all("list_events", id=transaction_id)
        page = next((a.checkout_url for a in reversed(attempts) if a.outcome == "pending"), None)
        return transaction_body(transaction, page if transaction.state is State.PENDING else None) | {
            "description": transaction.description,
            "metadata": transaction.metadata,
            "captured": transaction.captured,
            "refunded": transaction.refunded,
            "provider_status": transaction.provider_status,
            "updated_at": transaction.updated_at.isoformat(),
            "attempts": [_attempt_body(a) for a in attempts],
            "history": [_history_body(h) for h in history],
            "events": [_event_body(e) for e in events],
        }

    return database.run(work)


def transaction_body(transaction: tx.Transaction, checkout_url: str | None) -> dict[str, object]:
    return {
        "id": str(transaction.id),
        "state": transaction.state.value,
        "provider": transaction.provider,
        "amount": transaction.amount.amount,
        "currency": transaction.amount.currency,
        "order_reference": transaction.order_reference,
        "checkout_url": checkout_url,
        "expires_at": transaction.expires_at.isoformat(),
        "created_at": transaction.created_at.isoformat(),
    }


def _event_body(row: Row) -> dict[str, object]:
    return {
        "event_id": row["event_id"],
        "type": row["event_type"],
        "state": row["state"],
        "reason": row["reason"],
        "received_at": row["received_at"].isoformat(),
        "finished_at": row["finished_at"].isoformat() if row["finished_at"] else None,
    }


def _attempt_body(attempt: Attempt) -> dict[str, object]:
    return {
        "number": attempt.number,
        "outcome": attempt.outcome or "running",
        "error": attempt.error,
        "created_at": attempt.created_at.isoformat(),
        "finished_at": attempt.finished_at.isoformat() if attempt.finished_at else None,
    }


def _history_body(row: HistoryRow) -> dict[str, object]:
    return {
        "state": row.state.value,
        "at": row.created_at.isoformat(),
        "implied": row.implied,
        "captured": row.captured,
        "refunded": row.refunded,
        "dispute": row.dispute,
        "evidence": row.evidence,
        "evidence_id": row.evidence_id,
        "provider_status": row.provider_status,
        "alert": row.alert,
    }
