"""Discrepancies for people: listed, shown, and resolved with a note."""

from typing import Any
from uuid import UUID

from paylink.core.discrepancies import Resolution
from paylink.core.errors import AlreadyResolved, FieldProblem, InvalidFields, NotFound
from paylink.core.text import CONTROL, is_printable
from paylink.services.times import iso
from paylink.store.audit import write_audit
from paylink.store.database import Database
from paylink.store.discrepancies import list_discrepancies, resolve
from paylink.store.pages import Page
from paylink.store.unit_of_work import Row, UnitOfWork

NOTE_MAX = 1000
NOTE = rf"^[^{CONTROL}]*[^\s{CONTROL}][^{CONTROL}]*$"
"""Not only blanks."""
_HOW_RESOLVED = {
    Resolution.REPAIRED: "a run has applied what the provider says",
    Resolution.GONE: "a later run looked, and did not find it any more",
    Resolution.ACCEPTED: "somebody has accepted it, and its note tells why",
}


class Discrepancies:
    """Each method raises StorageUnavailable when the database cannot answer."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def list_discrepancies(self, page: Page) -> dict[str, Any]:
        """
        Return a page, the newest first.

        Raises:
            RateLimited, Overloaded: Too many lists are read at once.
        """
        owner = page.filters.get("merchant_id")
        rows, cursor = self._database.read_list(lambda uow: list_discrepancies(uow, page), owner=owner)
        return {
            "discrepancies": [discrepancy_body(row) for row in rows],
            "next_cursor": str(cursor) if cursor else None,
        }

    def show(self, discrepancy_id: UUID, *, merchant_id: UUID | None = None) -> dict[str, Any]:
        """
        Return one with both sides' evidence and its history; with `merchant_id`, only one of that merchant's.

        Raises:
            NotFound: There is none.
        """
        return self._database.run(lambda uow: _shown(uow, discrepancy_id, merchant_id))

    def accept(
        self, discrepancy_id: UUID, note: str, made_by: str, *, merchant_id: UUID | None = None
    ) -> dict[str, Any]:
        """
        Resolve an open one because nothing is left to do; it stays resolved whenever it is found again. `made_by` is a
        key's prefix, or `command`; with `merchant_id`, only one of that merchant's.

        Raises:
            InvalidFields: The note is empty, too long or not printable.
            NotFound: There is none.
            AlreadyResolved: By a person or a run; the detail tells which.
        """
        note = note.strip()
        if not is_note(note):
            problem = f"1 to {NOTE_MAX} printable characters are needed: why nothing is left to do"
            raise InvalidFields(fields=[FieldProblem("note", problem)])

        def work(uow: UnitOfWork) -> dict[str, Any]:
            row = uow.first("lock_discrepancy", id=discrepancy_id)
            if row is None or merchant_id not in (None, row["merchant_id"]):
                raise _no_such()
            if row["state"] != "open":
                raise AlreadyResolved(f"it is resolved already: {_HOW_RESOLVED[Resolution(row['resolution'])]}")
            resolve(uow, [discrepancy_id], Resolution.ACCEPTED, made_by=made_by, note=note)
            whose = {"subject_id": discrepancy_id, "merchant_id": row["merchant_id"]}
            write_audit(uow, "discrepancy.accepted", made_by=made_by, **whose, note=note)
            return _shown(uow, discrepancy_id, None)

        return self._database.run(work)


def is_note(text: str) -> bool:
    return bool(text.strip()) and len(text) <= NOTE_MAX and is_printable(text)


def discrepancy_body(row: Row) -> dict[str, Any]:
    """Return one as lists and reports show it; amounts in the smallest unit of its currency."""
    return {
        "id": str(row["id"]),
        "kind": row["kind"],
        "state": row["state"],
        "provider": row["provider"],
        "account": row["account"],
        "subject": row["subject"],
        "transaction_id": _text(row["transaction_id"]),
        "refund_id": _text(row["refund_id"]),
        "difference": row["difference"],
        "currency": row["currency"],
        "ours": row["ours"],
        "theirs": row["theirs"],
        "drift": row["drift"],
        "found_by": row["found_by"],
        "run_id": str(row["run_id"]),
        "last_run_id": str(row["last_run_id"]),
        "opened_at": iso(row["opened_at"]),
        "resolution": row["resolution"],
        "resolved_by": row["resolved_by"],
        "resolved_at": iso(row["resolved_at"]),
        "note": row["note"],
    }


def _shown(uow: UnitOfWork, discrepancy_id: UUID, merchant_id: UUID | None) -> dict[str, Any]:
    rows, _ = list_discrepancies(uow, Page({"id": discrepancy_id, "merchant_id": merchant_id}, limit=1))
    if not rows:
        raise _no_such()
    history = uow.all("list_discrepancy_history", id=discrepancy_id)
    return discrepancy_body(rows[0]) | {"evidence": rows[0]["evidence"], "history": [_step(row) for row in history]}


def _step(row: Row) -> dict[str, Any]:
    return {
        "at": iso(row["created_at"]),
        "state": row["state"],
        "resolution": row["resolution"],
        "run_id": _text(row["run_id"]),
        "by": row["made_by"],
        "note": row["note"],
    }


def _text(value: UUID | None) -> str | None:
    return str(value) if value else None


def _no_such() -> NotFound:
    return NotFound("there is no such discrepancy")
