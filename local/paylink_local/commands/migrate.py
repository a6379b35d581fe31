"""`paylink migrate`: bring the database to the newest migration."""

import argparse
import os
from pathlib import Path

from paylink.core.secret import Secret
from paylink.runtime.settings import default_sql_dir
from paylink.store.migrations import MigrationError, migrate
from paylink_local.supervisor.errors import CannotRun

HELP = "Bring the database to the newest migration."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--sql", type=Path, default=default_sql_dir(), help="the folder with migrations/")


def run(args: argparse.Namespace) -> int:
    url = os.environ.get("PAYLINK_DATABASE_URL")
    if not url:
        raise CannotRun("PAYLINK_DATABASE_URL is not set: start PayLink, or name the database")
    try:
        applied = migrate(Secret(url), args.sql / "migrations")
    except MigrationError as exc:
        raise CannotRun(f"{exc} (or, where the data does not matter: ./scripts/down --wipe)") from exc
    print(f"applied {', '.join(applied)}" if applied else "the database is at the newest migration")
    return 0
