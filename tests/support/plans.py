"""What Postgres really reads for the queries that our code runs."""

from collections.abc import Iterator
from typing import Any

from paylink.store.unit_of_work import Row, UnitOfWork, _prepared_form


class Explaining(UnitOfWork):
    """Explains every query before it is run, with what it really reads."""

    def __init__(self, of: UnitOfWork) -> None:
        super().__init__(of._connection, of._queries)
        self.plans: list[tuple[str, dict[str, Any]]] = []

    def all(self, query: str, **parameters: Any) -> list[Row]:
        with self._connection.cursor() as cursor:
            cursor.execute(f"explain (analyze, buffers, format json) {self._queries[query]}", parameters)
            explained = cursor.fetchone()
        assert explained is not None
        self.plans.append((query, explained[0][0]["Plan"]))
        return super().all(query, **parameters)

    def all_prepared(self, query: str, **parameters: Any) -> list[Row]:
        """Explains the plan that a prepared statement comes to have, whatever it is called with."""
        sql, names = _prepared_form(self._queries[query])
        with self._connection.cursor() as cursor:
            cursor.execute("set plan_cache_mode = force_generic_plan")
            cursor.execute(f"prepare explained as {sql}")
            call = f"execute explained ({', '.join(['%s'] * len(names))})"
            cursor.execute(f"explain (analyze, buffers, format json) {call}", [parameters[name] for name in names])
            explained = cursor.fetchone()
            cursor.execute("deallocate explained")
        assert explained is not None
        self.plans.append((query, explained[0][0]["Plan"]))
        return super().all_prepared(query, **parameters)

    @property
    def buffers(self) -> int:
        return sum(plan["Shared Hit Blocks"] + plan["Shared Read Blocks"] for _, plan in self.plans)


class ExplainingWrites(Explaining):
    """Takes back what was written to explain a query."""

    def all(self, query: str, **parameters: Any) -> list[Row]:
        with self._connection.cursor() as cursor:
            cursor.execute("savepoint explained")
            cursor.execute(f"explain (analyze, buffers, format json) {self._queries[query]}", parameters)
            explained = cursor.fetchone()
            cursor.execute("rollback to savepoint explained")
        assert explained is not None
        self.plans.append((query, explained[0][0]["Plan"]))
        return UnitOfWork.all(self, query, **parameters)


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for child in plan.get("Plans", ()):
        yield from nodes(child)
