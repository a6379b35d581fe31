"""One transaction, and the named queries run in it."""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import psycopg2.extensions

from paylink.core.tracing import Attributes

Row = dict[str, Any]
_PARAMETER = re.compile(r"%\((\w+)\)s")


class Connection(psycopg2.extensions.connection):
    """A connection that knows which statements are prepared in it, and what spans tell of it."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.prepared: set[str] = set()
        self.described: Attributes | None = None


class UnitOfWork:
    """Runs named queries in one open transaction. Made by `Database.run`, which commits or rolls back."""

    def __init__(self, connection: Connection, queries: Mapping[str, str]) -> None:
        self._connection = connection
        self._queries = queries

    def commit(self) -> None:
        """Commit what was done; for `Database` alone."""
        self._connection.commit()

    def run(self, query: str, **parameters: Any) -> int:
        """Run a query for its effect; return how many rows it touched."""
        with self._connection.cursor() as cursor:
            cursor.execute(self._queries[query], parameters)
            return cursor.rowcount

    def all(self, query: str, **parameters: Any) -> list[Row]:
        with self._connection.cursor() as cursor:
            cursor.execute(self._queries[query], parameters)
            return _rows(cursor)

    def run_prepared(self, query: str, **parameters: Any) -> None:
        """Run a query for its effect, as a statement that the server plans once per connection."""
        with self._connection.cursor() as cursor:
            self._execute_prepared(cursor, query, parameters)

    def all_prepared(self, query: str, **parameters: Any) -> list[Row]:
        """
        The same as `all` with a statement that the server plans once per connection.

        Only for one that finds its rows by indexes: its plan is kept while the tables grow.
        """
        with self._connection.cursor() as cursor:
            self._execute_prepared(cursor, query, parameters)
            return _rows(cursor)

    def _execute_prepared(self, cursor: psycopg2.extensions.cursor, query: str, parameters: Mapping[str, Any]) -> None:
        sql, names = _prepared_form(self._queries[query])
        if query not in self._connection.prepared:
            cursor.execute(f"prepare {query} as {sql}")
            self._connection.prepared.add(query)
        cursor.execute(f"execute {query} ({', '.join(['%s'] * len(names))})", [parameters[name] for name in names])

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


def _rows(cursor: psycopg2.extensions.cursor) -> list[Row]:
    names = [column.name for column in cursor.description or ()]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


@lru_cache(maxsize=64)
def _prepared_form(query: str) -> tuple[str, tuple[str, ...]]:
    """Return a query with $1, $2 ... for its parameters, and their names in that order."""
    names = tuple(dict.fromkeys(_PARAMETER.findall(query)))
    return _PARAMETER.sub(lambda found: f"${names.index(found[1]) + 1}", query), names
