"""One transaction, and the named queries run in it."""

from collections.abc import Mapping
from typing import Any

import psycopg2.extensions

Row = dict[str, Any]


class UnitOfWork:
    """Runs named queries in one open transaction. Made by `Database.run`, which commits or rolls back."""

    def __init__(self, connection: psycopg2.extensions.connection, queries: Mapping[str, str]) -> None:
        self._connection = connection
        self._queries = queries

    def run(self, query: str, **parameters: Any) -> int:
        """Run a query for its effect; return how many rows it touched."""
        with self._connection.cursor() as cursor:
            cursor.execute(self._queries[query], parameters)
            return cursor.rowcount

    def all(self, query: str, **parameters: Any) -> list[Row]:
        with self._connection.cursor() as cursor:
            cursor.execute(self._queries[query], parameters)
            names = [column.name for column in cursor.description or ()]
            return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    def first(self, query: str, **parameters: Any) -> Row | None:
        rows = self.all(query, **parameters)
        return rows[0] if rows else None

    def one(self, query: str, **parameters: Any) -> Row:
        """
        Raises:
            LookupError: There is no such row.
        """
        row = self.first(query, **parameters)
        if row is None:
            raise LookupError(f"{query}: no row")
        return row
