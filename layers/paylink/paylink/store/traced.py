"""A unit of work whose queries are spans, by their names: never with parameters, nor with what an error says."""

from collections.abc import Mapping
from types import TracebackType
from typing import Any

import psycopg2

from paylink.core.tracing import CLIENT, Attributes, Span, Value
from paylink.store.unit_of_work import Connection, Row, UnitOfWork


class _Query(Span):
    """A query, which may fail with an SQLSTATE."""

    __slots__ = ()

    def __exit__(
        self, kind: type[BaseException] | None, raised: BaseException | None, where: TracebackType | None
    ) -> None:
        if isinstance(raised, psycopg2.Error) and raised.pgcode is not None:
            self.set("db.response.status_code", raised.pgcode)
        super().__exit__(kind, raised, where)


class TracedUnitOfWork(UnitOfWork):
    """Its spans are children of `parent`."""

    def __init__(self, connection: Connection, queries: Mapping[str, str], parent: Span) -> None:
        super().__init__(connection, queries)
        self._parent = parent
        # To ask libpq takes as long as all else of a span.
        connection.described = connection.described or _described(connection)
        self._described = connection.described

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

    def _span(self, query: str) -> Span:
        span = self._parent.child_of(_Query, query, self._described, CLIENT)
        span.set("db.query.summary", query)
        return span


def _described(connection: Connection) -> Attributes:
    info = connection.info
    host = info.host or ""
    described: dict[str, Value] = {
        "db.system.name": "postgresql",
        "db.namespace": info.dbname or "",
        "server.address": host,
    }
    # Else it is the folder of a socket.
    if not host.startswith("/"):
        described["server.port"] = info.port
    return described
