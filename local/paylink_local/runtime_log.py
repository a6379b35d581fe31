"""
The log of the gateway and the worker: lines like those of the functions, on standard output.

Their loggers are named `paylink_local.*`: what is below `paylink` belongs to the functions' own logger.
"""

import logging
import os
import sys
import threading
from datetime import UTC, datetime
from typing import Any

from paylink.core.redaction import describe_exception
from paylink.runtime.log_lines import FORMAT_SETTING, LOG_FORMATS, log_format, write_line
from paylink_local.output import free_standard_streams
from paylink_local.settings import SettingsError

_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")


class Lines(logging.Formatter):
    """Formats a record as one line; `extra={"fields": {...}}` adds to it, and an exception adds its traceback."""

    def __init__(self, form: str) -> None:
        super().__init__()
        self._form = form

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "level": record.levelname,
            "message": record.getMessage(),
            "timestamp": timestamp(record.created),
            "logger": record.name,
            **getattr(record, "fields", {}),
        }
        if record.exc_info and record.exc_info[1] is not None:
            line["exception"] = describe_exception(record.exc_info[1])
            line["exception_name"] = type(record.exc_info[1]).__name__
        return write_line(line, self._form)


def timestamp(seconds: float) -> str:
    """Return a POSIX time as ISO 8601 in UTC, to the millisecond."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")


def log_level() -> int:
    """
    Return `PAYLINK_LOG_LEVEL` as a number; INFO when it is not set.

    Raises:
        SettingsError: It names no level.
    """
    name = os.environ.get("PAYLINK_LOG_LEVEL") or "INFO"
    if name.upper() not in _LEVELS:
        raise SettingsError(f"PAYLINK_LOG_LEVEL must be one of {', '.join(_LEVELS)}, not {name!r}")
    return logging.getLevelNamesMapping()[name.upper()]


def configure_logging() -> None:
    """
    Send every logger of this process to standard output, from `PAYLINK_LOG_LEVEL` on, without ever waiting for it.

    What ends a thread or the process is a line too, and as redacted as the others.

    Raises:
        SettingsError: There is no such level, or no such form of lines.
    """
    level = log_level()
    given = os.environ.get(FORMAT_SETTING)
    if given and given not in LOG_FORMATS:
        raise SettingsError(f"{FORMAT_SETTING} must be one of {', '.join(LOG_FORMATS)}, not {given!r}")
    # Asked before the streams are wrapped, for then none is a terminal; the functions' own logger does as we do.
    form = os.environ[FORMAT_SETTING] = log_format()
    free_standard_streams()
    # What cannot be written is lost: the standard library would print it, with its exceptions, as it is.
    logging.raiseExceptions = False
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(Lines(form))
    logging.basicConfig(handlers=[handler], level=level, force=True)
    # Below WARNING these tell of themselves only, and at DEBUG also request headers and message bodies.
    for chatty in ("botocore", "boto3", "urllib3"):
        logging.getLogger(chatty).setLevel(max(level, logging.WARNING))
    sys.excepthook = lambda kind, exc, trace: _tell_end("process", exc)
    threading.excepthook = lambda ended: _tell_end(f"thread {ended.thread and ended.thread.name}", ended.exc_value)


def _tell_end(what: str, exc: BaseException | None) -> None:
    if isinstance(exc, SystemExit | KeyboardInterrupt):
        return
    logging.getLogger("paylink_local").critical("a %s ended with an exception", what, exc_info=exc)
