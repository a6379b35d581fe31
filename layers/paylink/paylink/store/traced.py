"""A unit of work whose queries are spans, by their names: never with parameters, nor with what an error says."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import psycopg2

from paylink.core.tracing import CLIENT, Span, Value
from paylink.store.unit_of_work import Connection, Row, UnitOfWork


class TracedUnitOfWork(UnitOfWork):
    """Its spans are children of `parent`."""

    def __init__(self, connection: Connection, queries: Mapping[str, str], parent: Span) -> None:
        super().__init__(connection, queries)
        self._parent = parent

    def run(self, query: str, **parameters: Any) -> int:
        with self._span(query):
            return super().run(query, **parameters)

    def all(self, query: str, **parameters: Any) -> list[Row]:
        with self._span(query):
            return super().all(query, **parameters)

    def run_prepared(self, query: str, **parameters: Any) -> None:
        with self._span(query):
            super().run_prepared(query, **parameters)

    def all_prepared(self, query: str, **parameters: Any) -> list[Row]:
        with self._span(query):
            return super().all_prepared(query, **parameters)

    def commit(self) -> None:
        if self._connection.autocommit:
            super().commit()
            return
        with self._span("COMMIT") as span:
            span.set("db.operation.name", "COMMIT")
            super().commit()

    @contextmanager
    def _span(self, query: str) -> Iterator[Span]:
        info = self._connection.info
        described: dict[str, Value] = {
            "db.system.name": "postgresql",
            "db.namespace": info.dbname,
            "db.query.summary": query,
            "server.address": info.host,
        }
        # Else it is the folder of a socket.
        if not info.host.startswith("/"):
            described["server.port"] = info.port
        with self._parent.child(query, described, CLIENT) as span:
            try:
                yield span
            except psycopg2.Error as exc:
                if exc.pgcode is not None:
                    span.set("db.response.status_code", exc.pgcode)
                raise
