"""Merchants: made, renamed, suspended and resumed by operators."""

from typing import Any
from uuid import UUID

from paylink.core.errors import NotFound
from paylink.services.operator import Created, Operator, create_once
from paylink.services.times import iso
from paylink.store.audit import write_audit
from paylink.store.constraints import unique_names
from paylink.store.database import Database
from paylink.store.ids import new_id
from paylink.store.operator_requests import OnceKey
from paylink.store.pages import Page, read_page
from paylink.store.unit_of_work import Row, UnitOfWork

_NAMES = {"merchants_name_unique": "another merchant has this name"}


class Merchants:
    """Each method raises StorageUnavailable when the database cannot answer."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def list_merchants(self, page: Page) -> dict[str, Any]:
        rows, cursor = self._database.run(lambda uow: read_page(uow, "list_merchants", ("id",), page))
        return {"merchants": [_body(row) for row in rows], "next_cursor": str(cursor) if cursor else None}

    def show(self, merchant_id: UUID) -> dict[str, Any]:
        """
        Raises:
            NotFound: There is none.
        """
        return self._database.run(lambda uow: _shown(uow, merchant_id))

    def create(self, name: str, by: Operator, once: OnceKey | None = None) -> Created:
        """
        Raises:
            NameTaken: Another merchant has the name.
            IdempotencyKeyReused: The key stands for another request.
        """

        def create(uow: UnitOfWork) -> dict[str, Any]:
            merchant_id = new_id()
            with unique_names(_NAMES):
                uow.run("insert_merchant", id=merchant_id, name=name)
            _note(uow, "merchant.created", by, merchant_id, name=name)
            return _shown(uow, merchant_id)

        return create_once(self._database, once, create)

    def change(
        self, merchant_id: UUID, by: Operator, *, name: str | None = None, suspended: bool | None = None
    ) -> dict[str, Any]:
        """
        Rename, suspend or resume; None leaves as it is. The door may remember a suspended merchant's keys for seconds
        more.

        Raises:
            NotFound: There is none.
            NameTaken: Another merchant has the name.
        """

        def work(uow: UnitOfWork) -> dict[str, Any]:
            row = uow.first("lock_merchant", id=merchant_id)
            if row is None:
                raise _no_such()
            if name is not None and name != row["name"]:
                with unique_names(_NAMES):
                    uow.run("rename_merchant", id=merchant_id, name=name)
                _note(uow, "merchant.renamed", by, merchant_id, was=row["name"], name=name)
            if suspended is not None and suspended != (row["suspended_at"] is not None):
                uow.run("set_merchant_suspended", id=merchant_id, suspended=suspended)
                _note(uow, "merchant.suspended" if suspended else "merchant.resumed", by, merchant_id)
            return _shown(uow, merchant_id)

        return self._database.run(work)


def _note(uow: UnitOfWork, action: str, by: Operator, merchant_id: UUID, **details: object) -> None:
    write_audit(uow, action, made_by=by.name, subject_id=merchant_id, merchant_id=merchant_id, **details)


def _shown(uow: UnitOfWork, merchant_id: UUID) -> dict[str, Any]:
    rows, _ = read_page(uow, "list_merchants", ("id",), Page({"id": merchant_id}, limit=1))
    if not rows:
        raise _no_such()
    return _body(rows[0])


def _no_such() -> NotFound:
    return NotFound("there is no such merchant")


def _body(row: Row) -> dict[str, Any]:
    return {
        "id": str(row["id"]),
        "name": row["name"],
        "state": "suspended" if row["suspended_at"] else "active",
        "suspended_at": iso(row["suspended_at"]),
        "created_at": iso(row["created_at"]),
    }
