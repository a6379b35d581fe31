"""The log of the gateway and the worker: one JSON object per line on standard output."""

import json
import logging
import os
import sys
import traceback
from datetime import UTC, datetime
from typing import Any


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


def write_line(line: dict[str, Any]) -> None:
    """Write one line past the logging machinery: one system call, so that processes and threads do not mix lines."""
    os.write(1, json.dumps(line).encode() + b"\n")


def log_level() -> int:
    """Return `PAYLINK_LOG_LEVEL` as a number; INFO when it is not set or names no level."""
    level = logging.getLevelNamesMapping().get(os.environ.get("PAYLINK_LOG_LEVEL", "INFO").upper())
    return logging.INFO if level is None else level


def configure_logging() -> None:
    """Send every logger of this process to standard output, from `PAYLINK_LOG_LEVEL` on."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(JsonLines())
    logging.basicConfig(handlers=[handler], level=log_level(), force=True)
    # Below WARNING these tell of themselves only, and at DEBUG also request headers and message bodies.
    for chatty in ("botocore", "boto3", "urllib3"):
        logging.getLogger(chatty).setLevel(max(log_level(), logging.WARNING))
