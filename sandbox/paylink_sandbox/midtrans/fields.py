"""Reads the fields of JSON bodies. Whatever is wrong with one becomes a 400 that names it."""

import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from paylink_sandbox.midtrans.errors import MidtransError, invalid

_URL_CHARS_MAX = 2_000
AMOUNT_MAX = 999_999_999_999
"""Not documented; far above what any method takes."""


def parse_object(raw: bytes, *, refused_with: int) -> dict[str, Any]:
    """Raises MidtransError with that status unless the body is a JSON object."""
    try:
        body = json.loads(raw)
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict):
        raise MidtransError(refused_with, "The request cannot be processed due to malformed syntax in the request body")
    return body


def section(given: Mapping[str, Any], name: str) -> dict[str, Any]:
    """An object within the body; empty when it is absent."""
    value = given.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise invalid(f"{name} must be an object")
    return value


def text(given: Mapping[str, Any], path: str, chars_max: int) -> str | None:
    """The string that the last name of `path` holds; None when it is absent or empty."""
    value = given.get(_name(path))
    if value is None or value == "":
        return None
    if not isinstance(value, str) or not _is_text(value):
        raise invalid(f"{path} must be a string")
    if len(value) > chars_max:
        raise invalid(f"{path} is too long, it has at most {chars_max} characters")
    return value


def whole_number(given: Mapping[str, Any], path: str, minimum: int, maximum: int = AMOUNT_MAX) -> int | None:
    """None when it is absent."""
    value = given.get(_name(path))
    if value is None:
        return None
    # 150000.0 is refused as well: Midtrans documents that rupiah have no decimals.
    if not isinstance(value, int) or isinstance(value, bool):
        raise invalid(f"{path} must be an integer")
    if not minimum <= value <= maximum:
        raise invalid(f"{path} must be between {minimum} and {maximum}")
    return value


def web_address(given: Mapping[str, Any], path: str) -> str | None:
    """None when it is absent."""
    value = text(given, path, _URL_CHARS_MAX)
    if value is not None and not is_web_address(value):
        raise invalid(f"{path} must be an http or https address")
    return value


def is_web_address(value: str) -> bool:
    try:
        parts = urlsplit(value)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and not re.search(r"[\s\x00-\x1f]", value)
    except ValueError:
        return False


def required(value: Any, path: str) -> Any:
    if value is None:
        raise invalid(f"{path} is required")
    return value


def _is_text(value: str) -> bool:
    """JSON can name halves of characters, which no page can show."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _name(path: str) -> str:
    return path.rpartition(".")[2]
