"""Query parameters of the lists."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from werkzeug.datastructures import MultiDict

from paylink_sandbox.xendit.account import epoch
from paylink_sandbox.xendit.errors import invalid
from paylink_sandbox.xendit.exact_json import load

Query = MultiDict[str, str]

_WHOLE = re.compile(r"([0-9]{1,6})(\.0+)?")


def limit_of(query: Query, default: int, maximum: int, minimum: int = 1) -> int:
    text = query.get("limit")
    if text is None:
        return default
    found = _WHOLE.fullmatch(text)
    if found is None or not minimum <= int(found[1]) <= maximum:
        raise invalid("limit", f"must be a whole number from {minimum} to {maximum}")
    return int(found[1])


def values_of(query: Query, name: str) -> list[str]:
    """A list however it is written: repeated, with `[]` at the name, or as JSON text. Empty when it is not given."""
    values: list[str] = []
    for text in query.getlist(name) + query.getlist(f"{name}[]"):
        if not text.startswith("["):
            values.append(text)
            continue
        try:
            given = load(text.encode())
        except ValueError:
            given = None
        if not isinstance(given, list) or not all(isinstance(item, str) for item in given):
            raise invalid(name, "must be an array of strings")
        values += given
    return values


def time_of(query: Query, name: str) -> float | None:
    """A time as epoch seconds; without an offset it is UTC."""
    text = query.get(name)
    if text is None:
        return None
    try:
        # A plus sign that was not encoded arrives as a space.
        moment = datetime.fromisoformat(text.replace(" ", "+"))
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        raise invalid(name, "must be a valid ISO 8601 date") from None


def number_of(query: Query, name: str) -> Decimal | None:
    text = query.get(name)
    if text is None:
        return None
    try:
        number = Decimal(text)
    except InvalidOperation:
        number = Decimal("NaN")
    if not number.is_finite():
        raise invalid(name, "must be a number")
    return number


def lies_between(row: Mapping[str, Any], field: str, after: float | None, before: float | None) -> bool:
    """Whether a row's timestamp lies within the bounds given; bounds count as inside. Without one, False."""
    if after is None and before is None:
        return True
    if row.get(field) is None:
        return False
    at = epoch(row[field])
    return (after is None or at >= after) and (before is None or at <= before)
