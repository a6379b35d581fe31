"""The names of PayLink's settings: `.env.example` explains each that is for people."""

import difflib
import re
from collections.abc import Mapping
from functools import cache

from paylink_local.supervisor.home import REPOSITORY

_NAME = re.compile(r"\bPAYLINK_[A-Z0-9_]*[A-Z0-9]\b")
_INTERNAL = frozenset(
    {
        "PAYLINK_METRICS_DIR",
        "PAYLINK_METRICS_NAMESPACE",
        "PAYLINK_READY_FILE",
        "PAYLINK_SECRETS_VERSION",
        "PAYLINK_SETTINGS_FILE",
        "PAYLINK_RECONCILIATION_QUEUE_URL",
        "PAYLINK_SQL_DIR",
        "PAYLINK_SUPERVISED",
        "PAYLINK_TEMPLATE",
        "PAYLINK_WEBHOOK_EVENTS_DEAD_QUEUE_URL",
        "PAYLINK_WEBHOOK_EVENTS_QUEUE_URL",
        "PAYLINK_KEY",  # no setting: the README's examples keep a merchant's key in it
    }
)
_OF_OTHER_STACKS = ("PAYLINK_DATABASE_URL", "PAYLINK_REDIS_URL")


@cache
def known_names() -> frozenset[str]:
    """Return the name of every setting for people."""
    return frozenset(_NAME.findall((REPOSITORY / ".env.example").read_text(encoding="utf-8")))


def unknown_names(given: Mapping[str, str]) -> dict[str, str]:
    """Return the names that look like settings and are none, each with what may have been meant."""
    hints = {}
    for name in sorted(name for name in given if name.startswith("PAYLINK_") and name not in known_names() | _INTERNAL):
        near = difflib.get_close_matches(name, known_names(), n=1, cutoff=0.8)
        hints[name] = f"did you mean {near[0]}?" if near else ".env.example lists those there are"
    return hints


def remarks(given: Mapping[str, str]) -> list[str]:
    """Return a line for each setting that a person gave and that has no effect here."""
    lines = [f"{name} is no setting of PayLink: {hint}" for name, hint in unknown_names(given).items()]
    if unused := [name for name in _OF_OTHER_STACKS if given.get(name)]:
        verb = "is" if len(unused) == 1 else "are"
        lines.append(f"{' and '.join(unused)} {verb} not used: this stack runs a PostgreSQL and a cache of its own")
    return lines
