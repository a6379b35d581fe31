"""What a merchant sees of its transactions."""

import json
from collections.abc import Sequence
from datetime import datetime
from itertools import accumulate
from typing import Any
from uuid import UUID

from paylink.core.errors import NotFound
from paylink.core.states import OPEN, State
from paylink.services.groups import Groups
from paylink.services.promise import Promise
from paylink.store.database import DEADLINE_S, Database
from paylink.store.listing import Position, TransactionFilter
from paylink.store.listing import list_transactions as list_rows
from paylink.store.showing import Owned, show_transactions
from paylink.store.unit_of_work import Row

_TOGETHER_MAX = 32
_LEAST_S = 2.0

PAGE_BYTES_MAX = 2 * 1024 * 1024
"""
Of a list's page, in JSON. A Lambda function may answer 6 MiB, counted in the JSON that holds the answer as a text: at
most twice as much.
"""


class TransactionReader:
    """
    Reads transactions for the requests of one process, together those that are asked for at the same time. Safe to
    share between threads.
    """

    def __init__(self, database: Database, *, by_caller: bool = False) -> None:
        """by_caller: see `Groups`."""
        self._database = database
        self._groups: Groups[Owned, Row | None] = Groups(
            "transaction-reader", self._read, size_max=_TOGETHER_MAX, by_caller=by_caller, least_s=_LEAST_S
        )

    def read(self, merchant_id: UUID, transaction_id: UUID) -> Promise[Row | None]:
        """
        Return the row of a merchant's transaction, with what hangs on it; None when it is another's, or nobody's.

        The promise raises StorageUnavailable when the database cannot answer.
        """
        return self._groups.submit((merchant_id, transaction_id), within_s=DEADLINE_S)

    def _read(self, wanted: Sequence[Owned], within_s: float) -> Sequence[Row | None]:
        found = self._database.run(
            lambda uow: show_transactions(uow, set(wanted)), deadline_s=within_s, one_statement=True
        )
        return [found.get(owned) for owned in wanted]


def whole_body(row: Row | None) -> dict[str, object]:
    """
    Return what a merchant sees of a transaction: its attempts, its history, its refunds and its events, too.

    Raises:
        NotFound: There is none, or it is another merchant's.
    """
    if row is None:
        raise NotFound("there is no such transaction")
    attempts = row["attempts"] or []
    page = next((a["checkout_url"] for a in reversed(attempts) if a["outcome"] == "pending"), None)
    payable = row["state"] == State.PENDING and row["cancel_requested_at"] is None
    return {
        **_summary(row),
        "items": row["items"],
        "payment_methods": row["payment_methods"],
        "refund_reserved": row["refund_reserved"],
        "capture": "manual" if row["manual_capture"] else "automatic",
        "capture_requested": row["capture_requested"],
        "cancel_requested_at": row["cancel_requested_at"] and row["cancel_requested_at"].isoformat(),
        "checkout_url": page if payable else None,
        "attempts": [_attempt_body(a) for a in attempts],
        "history": [_history_body(h) for h in row["history"]],
        "refunds": [_refund_body(row, r) for r in row["refunds"] or ()],
        "events": [_event_body(e) for e in row["events"] or ()],
        "links": _links(row),
    }


def list_transactions(
    database: Database, merchant_id: UUID, wanted: TransactionFilter
) -> tuple[list[dict[str, object]], Position | None]:
    """
    Return a page of a merchant's transactions, the newest first, and after which position the next one begins. It comes
    out short when it would be too large for an answer.

    Raises:
        RateLimited, Overloaded: Too many lists are read at once.
        StorageUnavailable: The database cannot answer.
    """
    rows, end = database.read_list(lambda uow: list_rows(uow, merchant_id, wanted), owner=merchant_id)
    page = [_summary(row) for row in rows]
    fitting = sum(size <= PAGE_BYTES_MAX for size in accumulate(map(_bytes_in_json, page)))
    if fitting < len(page):
        last = rows[fitting - 1]
        return page[:fitting], (last["created_at"], last["id"])
    return page, end


def _bytes_in_json(body: dict[str, object]) -> int:
    return len(json.dumps(body, ensure_ascii=False).encode())


def _summary(row: Row) -> dict[str, object]:
    return {
        "id": str(row["id"]),
        "state": row["state"],
        "provider": row["provider"],
        "amount": row["amount"],
        "currency": row["currency"],
        "order_reference": row["order_reference"],
        "description": row["description"],
        "metadata": row["metadata"],
        "captured": row["captured"],
        "refunded": row["refunded"],
        "dispute": row["dispute"],
        "provider_status": row["provider_status"],
        "expires_at": row["expires_at"].isoformat(),
        "created_at": row["created_at"].isoformat(),
        "updated_at": row["updated_at"].isoformat(),
    }


def _links(row: Row) -> dict[str, str]:
    """Where to go from here: only what makes sense in its state."""
    own = f"/v1/tx/{row['id']}"
    links = {"self": own, "events": f"/v1/events?transaction_id={row['id']}"}
    if row["state"] in OPEN:
        links["cancel"] = f"{own}/cancel"
    if row["state"] == State.AUTHORIZED:
        links["capture"] = f"{own}/capture"
    if row["captured"]:
        links["refunds"] = f"{own}/refunds"
    return links


def _event_body(event: dict[str, Any]) -> dict[str, object]:
    return {
        "event_id": event["event_id"],
        "type": event["event_type"],
        "state": event["state"],
        "reason": event["reason"],
        "received_at": event["received_at"],
        "finished_at": event["finished_at"],
    }


def _refund_body(row: Row, refund: dict[str, Any]) -> dict[str, object]:
    created_at = datetime.fromisoformat(refund["created_at"])
    return {**refund, "transaction_id": str(row["id"]), "created_at": created_at.isoformat()}


def _attempt_body(attempt: dict[str, Any]) -> dict[str, object]:
    return {
        "number": attempt["number"],
        "provider": attempt["provider"],
        "account": attempt["account"],
        "outcome": attempt["outcome"] or "running",
        "error": attempt["error"],
        "created_at": attempt["created_at"],
        "finished_at": attempt["finished_at"],
    }


def _history_body(step: dict[str, Any]) -> dict[str, object]:
    return {
        "state": step["state"],
        "at": step["created_at"],
        "implied": step["implied"],
        "captured": step["captured"],
        "refunded": step["refunded"],
        "dispute": step["dispute"],
        "evidence": step["evidence"],
        "evidence_id": step["evidence_id"],
        "provider_status": step["provider_status"],
        "alert": step["alert"],
    }
