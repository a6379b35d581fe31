"""Invoked by hand, after a deployment: bring the database to the newest migration."""

from typing import Any

from paylink.runtime.logs import log
from paylink.runtime.wiring import deps
from paylink.store.migrations import migrate


def handler(event: Any, context: Any) -> dict[str, list[str]]:
    """Return the names of the migrations that were applied; what goes wrong is raised, and nothing of it is kept."""
    settings = deps().settings
    applied = migrate(settings.database_url, settings.sql_dir / "migrations")
    log.info("migrated", applied=applied)
    return {"applied": applied}
