"""Settlement lines and imports for people to read."""

from typing import Any
from uuid import UUID

from paylink.core.errors import FieldProblem, InvalidFields
from paylink.services.times import iso
from paylink.store.database import Database
from paylink.store.pages import Page
from paylink.store.settlements import list_imports, list_lines
from paylink.store.unit_of_work import Row


class SettlementLists:
    """
    Each list has a page, the newest first.

    Each method raises StorageUnavailable when the database cannot answer, RateLimited or Overloaded when too many lists
    are read at once.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def find_account(self, provider: str, name: str) -> UUID:
        """
        Raises:
            InvalidFields: There is no such account.
        """
        row = self._database.run(lambda uow: uow.first("find_account_by_name", provider=provider, name=name))
        if row is None:
            raise InvalidFields(fields=[FieldProblem("account", f"there is no account {provider}/{name}")])
        account_id: UUID = row["id"]
        return account_id

    def lines(self, page: Page) -> dict[str, Any]:
        """Return lines of an account, those stored last first."""
        rows, cursor = self._database.read_list(lambda uow: list_lines(uow, page), owner=None)
        return {"lines": list(map(_line, rows)), "next_cursor": str(cursor) if cursor else None}

    def imports(self, page: Page) -> dict[str, Any]:
        rows, cursor = self._database.read_list(lambda uow: list_imports(uow, page), owner=None)
        return {"imports": list(map(_import, rows)), "next_cursor": str(cursor) if cursor else None}


def _line(row: Row) -> dict[str, Any]:
    names = zip(row["reference_kinds"], row["reference_values"], strict=True)
    plain = ("line_id", "kind", "amount", "currency", "fee", "net", "paid_amount", "paid_currency", "settled", "payout")
    return {
        "id": str(row["id"]),
        "account": f"{row['provider']}/{row['account']}",
        **{name: row[name] for name in plain},
        "occurred_at": iso(row["occurred_at"]),
        "references": [f"{kind} {value}" for kind, value in names],
        "contradiction": row["contradiction"],
        "transaction_id": _text(row["transaction_id"]),
        "refund_id": _text(row["refund_id"]),
        "import_id": _text(row["import_id"]),
        "stored_at": iso(row["created_at"]),
    }


def _import(row: Row) -> dict[str, Any]:
    return {
        "id": str(row["id"]),
        "account": f"{row['provider']}/{row['account']}",
        "file_name": row["file_name"],
        "sha256": bytes(row["sha256"]).hex(),
        "read": row["read"],
        "added": row["added"],
        "changed": row["changed"],
        "unchanged": row["read"] - row["added"] - row["changed"],
        "imported_by": row["imported_by"],
        "imported_at": iso(row["imported_at"]),
    }


def _text(value: UUID | None) -> str | None:
    return str(value) if value else None
