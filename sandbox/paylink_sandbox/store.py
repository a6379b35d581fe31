"""One SQLite file holds everything, so that a killed sandbox forgets nothing."""

import sqlite3
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path

from paylink_sandbox.errors import ConfigError

_SCHEMA_VERSION = 1
_TABLES = ("attempts", "deliveries", "faults", "refunds", "charges", "pages", "documents")


class Store:
    """
    A single connection behind a lock. SQLite has one writer anyway, and a statement here takes microseconds; in
    return a transaction sees no other thread, so a double click cannot run between a check and its write.
    """

    def __init__(self, path: Path) -> None:
        """Raises ConfigError when the file cannot be used."""
        self._lock = threading.RLock()
        self._depth = 0
        self._after_commit: list[Callable[[], None]] = []
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=10)
            self._connection.row_factory = sqlite3.Row
            self._connection.execute("PRAGMA journal_mode = WAL")
            self._connection.execute("PRAGMA synchronous = NORMAL")
            self._connection.execute("PRAGMA foreign_keys = ON")
            self._create_schema(path)
        except (OSError, sqlite3.Error) as exc:
            raise ConfigError(f"cannot use the sandbox state {path}: {exc}") from exc

    def _create_schema(self, path: Path) -> None:
        with self.transaction():
            version = self.rows("PRAGMA user_version")[0][0]
            if version == 0:
                for statement in files(__package__).joinpath("schema.sql").read_text("utf-8").split(";\n"):
                    self.execute(statement)
                self.execute(f"PRAGMA user_version = {_SCHEMA_VERSION}")
            elif version != _SCHEMA_VERSION:
                raise ConfigError(f"the sandbox state {path} has another format (version {version}); delete the file")

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing, alone in the store. A transaction within a transaction is part of the outer one."""
        hooks: list[Callable[[], None]] = []
        with self._lock:
            if self._depth == 0:
                self._connection.execute("BEGIN IMMEDIATE")
            self._depth += 1
            try:
                yield
                if self._depth == 1:
                    self._connection.execute("COMMIT")
                    hooks, self._after_commit = self._after_commit, []
            except BaseException:
                if self._depth == 1:
                    self._after_commit = []
                    if self._connection.in_transaction:
                        self._connection.execute("ROLLBACK")
                raise
            finally:
                self._depth -= 1
        for hook in hooks:
            hook()

    def after_commit(self, hook: Callable[[], None]) -> None:
        """Call `hook` once the running transaction is on disk; not at all if it is rolled back."""
        self._after_commit.append(hook)

    def execute(self, sql: str, parameters: Sequence[object] = ()) -> int:
        """Return the number of changed rows. Call it within a transaction."""
        with self._lock:
            return self._connection.execute(sql, parameters).rowcount

    def insert(self, table: str, row: Mapping[str, object]) -> None:
        """`table` and the keys of `row` become SQL text: they are names in the code, never input."""
        names = ", ".join(row)
        places = ", ".join("?" * len(row))
        self.execute(f"INSERT INTO {table} ({names}) VALUES ({places})", tuple(row.values()))  # noqa: S608 (our names)

    def rows(self, sql: str, parameters: Sequence[object] = ()) -> list[sqlite3.Row]:
        with self._lock:
            return self._connection.execute(sql, parameters).fetchall()

    def row(self, sql: str, parameters: Sequence[object] = ()) -> sqlite3.Row | None:
        found = self.rows(sql, parameters)
        return found[0] if found else None

    def wipe(self) -> None:
        """Forget everything, as after a first start."""
        with self.transaction():
            for table in _TABLES:
                self.execute(f"DELETE FROM {table}")  # noqa: S608 (our names)

    def close(self) -> None:
        with self._lock:
            self._connection.close()
