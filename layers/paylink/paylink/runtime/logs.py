"""The one logger: a JSON line per event of interest, on standard output. Never a secret, signature, mail or body."""

import logging
import os
import uuid
from contextvars import ContextVar
from functools import lru_cache
from typing import TYPE_CHECKING, Any, cast
from uuid import UUID

if TYPE_CHECKING:
    from aws_lambda_powertools import Logger

_NAME = "paylink"
_LEVEL = os.environ.get("PAYLINK_LOG_LEVEL", "INFO")


@lru_cache(maxsize=1)
def _logger() -> "Logger":
    from aws_lambda_powertools import Logger

    logger = Logger(service=_NAME, level=_LEVEL, log_uncaught_exceptions=False)
    standard = logging.getLogger(_NAME)
    # Another list: the one before may be being gone through, for the first record, which finds the new handler there.
    standard.handlers = [handler for handler in standard.handlers if not isinstance(handler, _First)]
    return logger


class _Later:
    """The logger, made when it is first used: most cold starts log nothing, and Powertools is dear to import."""

    def __getattr__(self, name: str) -> Any:
        return getattr(_logger(), name)


class _First(logging.Handler):
    """Has the logger made when a module logs by the standard library first."""

    def emit(self, record: logging.LogRecord) -> None:
        _logger()


log = cast("Logger", _Later())

request_id_in_logs: ContextVar[str | None] = ContextVar("request_id", default=None)
"""The request that this thread answers."""


class _RequestId(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        request_id = request_id_in_logs.get()
        if request_id is not None:
            vars(record)["request_id"] = request_id
        return True


logging.getLogger(_NAME).addFilter(_RequestId())
logging.getLogger(_NAME).addHandler(_First())


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
