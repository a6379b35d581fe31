"""How a line of the log is written: as JSON for machines, or for a person at a terminal."""

import json
import os
import sys
from collections.abc import Mapping
from typing import Any

from paylink.core.log_ids import LOG_IDS

HUMAN, JSON = "human", "json"
LOG_FORMATS = (HUMAN, JSON)
FORMAT_SETTING = "PAYLINK_LOG_FORMAT"


def log_format(environ: Mapping[str, str] = os.environ) -> str:
    """Return the form of this process' lines: what PAYLINK_LOG_FORMAT says, else `human` on a terminal."""
    given = environ.get(FORMAT_SETTING)
    if given in LOG_FORMATS:
        return given
    return HUMAN if sys.stdout.isatty() else JSON


def write_line(fields: Mapping[str, Any], form: str) -> str:
    """Return a line in a form of LOG_FORMATS, redacted and bounded: an id too, for others choose some of them."""
    # Whoever logs nothing, as most cold starts, does not pay for its patterns.
    from paylink.core.redaction import redact_field

    shown = {name: redact_field(name, str(value) if name in LOG_IDS else value) for name, value in fields.items()}
    if form == HUMAN:
        from paylink.runtime.human_lines import human_line

        line = human_line(shown)
    else:
        line = json.dumps(shown, ensure_ascii=False, separators=(",", ":"))
    # Half a character, which no stream could write; the stream itself may know fewer than all others.
    return line.encode(errors="backslashreplace").decode()
