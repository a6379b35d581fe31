"""The one logger: a JSON line per event of interest, on standard output. Never a secret, signature, mail or body."""

import os
import uuid
from uuid import UUID

from aws_lambda_powertools import Logger

log = Logger(service="paylink", level=os.environ.get("PAYLINK_LOG_LEVEL", "INFO"), log_uncaught_exceptions=False)


class LoggedAlerts:
    """Alerts as error lines: `alert` is the kind, the facts stand beside it."""

    def alert(self, kind: str, **facts: object) -> None:
        log.error("alert", extra={"alert": kind} | {name: _plain(value) for name, value in facts.items()})


def log_failure(name: str, row_id: UUID) -> None:
    """Log the exception being handled, with the column name and id of the row it belongs to."""
    log.exception("work on a row failed", extra={name: str(row_id)})


def _plain(value: object) -> object:
    if isinstance(value, uuid.UUID):
        return str(value)
    if isinstance(value, set | list | tuple):
        return sorted(str(v) for v in value)
    return value
