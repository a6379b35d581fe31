"""What operators changed, for operators to read."""

from typing import Any

from paylink.services.times import iso
from paylink.store.database import Database
from paylink.store.pages import Page, read_page
from paylink.store.unit_of_work import Row


def list_audit(database: Database, page: Page) -> dict[str, Any]:
    """
    Return a page of the trail, the newest first.

    Raises:
        StorageUnavailable: The database cannot answer.
    """
    rows, cursor = database.run(lambda uow: read_page(uow, "list_audit", ("merchant_id", "subject_id"), page))
    return {"audit": [_body(row) for row in rows], "next_cursor": str(cursor) if cursor else None}


def _body(row: Row) -> dict[str, Any]:
    return {
        "id": str(row["id"]),
        "at": iso(row["made_at"]),
        "by": row["made_by"],
        "action": row["action"],
        "subject_id": str(row["subject_id"]) if row["subject_id"] else None,
        "merchant_id": str(row["merchant_id"]) if row["merchant_id"] else None,
        "details": row["details"],
    }
