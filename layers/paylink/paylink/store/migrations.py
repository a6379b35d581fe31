"""Forward-only migrations from `sql/migrations/NNNN_what.sql`, each in a transaction of its own."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import psycopg2
import psycopg2.extensions

from paylink.core.secret import Secret

_FILE = re.compile(r"(\d{4})_[a-z0-9_]+\.sql")
_LOCK = 0x5041594C494E4B  # "PAYLINK": one migrator at a time


class MigrationError(Exception):
    """The folder and the database do not fit: a released migration was edited, is missing, or has a wrong name."""


@dataclass(frozen=True)
class Migration:
    number: int
    name: str
    sql: str

    @property
    def checksum(self) -> str:
        return hashlib.sha256(self.sql.encode()).hexdigest()


def load_migrations(directory: Path) -> list[Migration]:
    """
    Raises:
        MigrationError: A name is not `NNNN_what.sql`, or the numbers are not 1, 2, 3 ...
    """
    found = []
    for file in sorted(directory.glob("*.sql")):
        match = _FILE.fullmatch(file.name)
        if match is None:
            raise MigrationError(f"{file.name}: a migration is named NNNN_what.sql")
        found.append(Migration(int(match[1]), file.stem, file.read_text(encoding="utf-8")))
    if [m.number for m in found] != list(range(1, len(found) + 1)):
        raise MigrationError(f"{directory}: the numbers must run 0001, 0002, ... without gap or repetition")
    return found


def migrate(url: Secret, directory: Path) -> list[str]:
    """
    Bring the database to the newest migration and return the names of those applied now.

    Raises:
        MigrationError: An applied migration differs from its file, or the database is newer than the folder.
    """
    migrations = load_migrations(directory)
    connection = psycopg2.connect(url.reveal(), application_name="paylink-migrate", options="-c timezone=UTC")
    try:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute("select pg_advisory_lock(%s)", (_LOCK,))
            cursor.execute(
                "create table if not exists schema_migrations (number integer primary key, name text not null,"
                " checksum text not null, applied_at timestamptz not null default now())"
            )
            cursor.execute("select number, checksum from schema_migrations")
            applied: dict[int, str] = dict(cursor.fetchall())
        pending = pending_migrations(migrations, applied)
        for migration in pending:
            _apply(connection, migration)
        return [m.name for m in pending]
    finally:
        connection.close()


def pending_migrations(migrations: list[Migration], applied: Mapping[int, str]) -> list[Migration]:
    """
    Return those that are not applied yet; `applied` has the checksums of the others, by number.

    Raises:
        MigrationError: An applied migration differs from its file, or the database is newer than the folder.
    """
    if len(applied) > len(migrations):
        raise MigrationError("the database is newer than this code: it has migrations that are not here")
    for migration in migrations:
        if applied.get(migration.number, migration.checksum) != migration.checksum:
            raise MigrationError(f"{migration.name} was changed after it was applied; add a new migration instead")
    return [migration for migration in migrations if migration.number not in applied]


def _apply(connection: psycopg2.extensions.connection, migration: Migration) -> None:
    with connection.cursor() as cursor:
        try:
            cursor.execute("begin")
            cursor.execute(migration.sql)
            cursor.execute(
                "insert into schema_migrations (number, name, checksum) values (%s, %s, %s)",
                (migration.number, migration.name, migration.checksum),
            )
            cursor.execute("commit")
        except BaseException:
            cursor.execute("rollback")
            raise
