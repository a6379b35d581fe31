"""Invoked by hand, after a deployment: bring the database to the newest migration."""

from typing import Any

from paylink.runtime.logs import log
from paylink.runtime.process_metrics import schedule_function
from paylink.runtime.schedules import run_logged
from paylink.runtime.wiring import deps
from paylink.store.migrations import migrate


def _migrate() -> dict[str, list[str]]:
    """Return the names of the migrations that were applied; of one that goes wrong nothing is kept."""
    settings = deps().settings
    applied = migrate(settings.database_url, settings.sql_dir / "migrations")
    log.info("migrated", applied=applied)
    return {"applied": applied}


@schedule_function("migrate_database")
def handler(event: Any, context: Any) -> dict[str, list[str]]:
    return run_logged(_migrate, context, "a migration failed")
