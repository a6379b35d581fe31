"""
The one logger: a line per event of interest, on standard output. Never a secret, signature, mail or body.

docs/logging.md says what is told at which level, and which ids a line carries.
"""

import logging
import os
import uuid
from contextvars import ContextVar
from functools import lru_cache
from typing import TYPE_CHECKING, Any, cast
from uuid import UUID

from paylink.core.log_ids import REQUEST_ID, TRACE_ID, current_log_ids
from paylink.core.tracing import current_span
from paylink.runtime.log_lines import log_format, write_line

if TYPE_CHECKING:
    from aws_lambda_powertools import Logger

_NAME = "paylink"
_LEVEL = os.environ.get("PAYLINK_LOG_LEVEL") or "INFO"


@lru_cache(maxsize=1)
def _logger() -> "Logger":
    from aws_lambda_powertools import Logger
    from aws_lambda_powertools.logging.formatter import LambdaPowertoolsFormatter

    from paylink.core.redaction import describe_exception

    form = log_format()

    class Lines(LambdaPowertoolsFormatter):
        def serialize(self, log: Any) -> str:
            return write_line(log, form)

        def formatException(self, ei: Any) -> str:
            return describe_exception(ei[1])

    lines = Lines(utc=True, use_rfc3339=True, serialize_stacktrace=False)
    logger = Logger(service=_NAME, level=_LEVEL, log_uncaught_exceptions=False, logger_formatter=lines)
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


def begin_invocation(context: Any) -> None:
    """Have the lines of a batch or a scheduled run carry the id of their invocation, not that of an earlier request."""
    request_id_in_logs.set(getattr(context, "aws_request_id", None))


class _Ids(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        held = vars(record)
        request_id = request_id_in_logs.get()
        if request_id is not None:
            held[REQUEST_ID] = request_id
        span = current_span()
        if span is not None:
            held[TRACE_ID] = f"{span.ids.trace_id:032x}"
        for name, value in current_log_ids().items():
            held.setdefault(name, value)
        return True


# What cannot be written is lost: the standard library would print it, with its exceptions, as it is.
logging.raiseExceptions = False
# Set before the logger is made: what is logged at DEBUG by the standard library first must get that far.
logging.getLogger(_NAME).setLevel(logging.getLevelNamesMapping().get(_LEVEL, logging.INFO))
logging.getLogger(_NAME).addFilter(_Ids())
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
