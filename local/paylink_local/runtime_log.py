"""
The log of the gateway and the worker: one JSON object per line on standard output.

Their loggers are named `paylink_local.*`: what is below `paylink` belongs to the functions' own logger.
"""

import json
import logging
import os
import sys
import traceback
from datetime import UTC, datetime
from typing import Any

from paylink_local.output import free_standard_streams
from paylink_local.settings import SettingsError

_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")


class JsonLines(logging.Formatter):
    """Formats a record as one line; `extra={"fields": {...}}` adds to it, and an exception adds its traceback."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": timestamp(record.created),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info and record.exc_info[1] is not None:
            line["traceback"] = "".join(traceback.format_exception(record.exc_info[1]))
        return json.dumps(line, default=str)


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

    Raises:
        SettingsError: There is no such level.
    """
    level = log_level()
    free_standard_streams()
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(JsonLines())
    logging.basicConfig(handlers=[handler], level=level, force=True)
    # Below WARNING these tell of themselves only, and at DEBUG also request headers and message bodies.
    for chatty in ("botocore", "boto3", "urllib3"):
        logging.getLogger(chatty).setLevel(max(level, logging.WARNING))
