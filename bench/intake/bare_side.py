"""The yardstick, on a database of its own in the same server."""

from collections.abc import Mapping

import psycopg2

from bench.common.generator import Load
from bench.common.stack import Stack
from bench.intake.bare import TABLE
from bench.intake.rules import require_stored
from paylink_local.services.testing import free_port

NAME = "bare"
THREADS = (4, 16, 32)


class Bare:
    def __init__(self, stack: Stack, secret: str) -> None:
        self.port = free_port()
        self._stack = stack
        self.database_url = stack.create_database(NAME)
        self._environ = {"BARE_SECRET": secret, "BARE_DATABASE_URL": self.database_url}
        self._connection = psycopg2.connect(self.database_url)
        self._connection.autocommit = True
        self._run(TABLE)

    def start(self, threads: int) -> None:
        self._stack.start(
            NAME, self._stack.bare_service("bench.intake.bare:application", self.port, threads, self._environ)
        )

    def stop(self) -> None:
        self._stack.stop(NAME)

    def check(self, load: Load) -> None:
        """
        Compare what is stored with what was accepted, and empty the table for the next run.

        Raises:
            Void: They differ.
        """
        require_stored(load.accepted, load.doubtful, self._run("select count(*) from bare_events"))
        self._run("truncate bare_events")

    def _run(self, sql: str) -> int:
        """Return the one number that a query gives; 0 of a command."""
        with self._connection.cursor() as cursor:
            cursor.execute(sql)
            row = cursor.fetchone() if cursor.description else None
            return int(row[0]) if row else 0


def best_threads(rates: Mapping[int, float]) -> int:
    """Return the number of threads with the highest rate."""
    return max(rates, key=lambda threads: rates[threads])
