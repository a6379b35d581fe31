"""Checks of a request's JSON fields, with the errors that Xendit gives. A check returns the value."""

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

from paylink_sandbox.xendit.errors import XenditError, invalid

Check = Callable[[Any, str], Any]
Fields = Mapping[str, Check]

_METADATA_KEYS, _METADATA_KEY_CHARS, _METADATA_VALUE_CHARS = 50, 40, 500
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s.]+")
_PHONE = re.compile(r"\+[1-9][0-9]{1,14}")


def check_fields(given: Any, fields: Fields, required: tuple[str, ...] = (), path: str = "") -> dict[str, Any]:
    """Check each given field by its name. null counts as absent; an unknown name is refused (not documented)."""
    if not isinstance(given, dict):
        raise invalid(path or "body", "must be an object")
    prefix = f"{path}." if path else ""
    present = {name: value for name, value in given.items() if value is not None}
    for name in required:
        if name not in present:
            raise invalid(prefix + name, "is required")
    for name in present:
        if name not in fields:
            raise invalid(prefix + name, "is not allowed")
    return {name: fields[name](value, prefix + name) for name, value in present.items()}


def string(max_chars: int = 5000) -> Check:
    def check(value: Any, path: str) -> str:
        if not isinstance(value, str):
            raise invalid(path, "must be a string")
        if not 1 <= len(value) <= max_chars:
            raise invalid(path, f"must have 1 to {max_chars} characters")
        return value

    return check


def number(value: Any, path: str) -> int | Decimal:
    if not isinstance(value, int | Decimal) or isinstance(value, bool):
        raise invalid(path, "must be a number")
    return value


def whole(minimum: int, maximum: int) -> Check:
    """A whole number; 60.0 is one."""

    def check(value: Any, path: str) -> int:
        given = number(value, path)
        if given != int(given) or not minimum <= given <= maximum:
            raise invalid(path, f"must be a whole number from {minimum} to {maximum}")
        return int(given)

    return check


def boolean(value: Any, path: str) -> bool:
    if not isinstance(value, bool):
        raise invalid(path, "must be a boolean")
    return value


def one_of(*choices: str) -> Check:
    def check(value: Any, path: str) -> str:
        if value not in choices:
            raise invalid(path, f"must be one of {', '.join(choices)}")
        return str(value)

    return check


def url(value: Any, path: str) -> str:
    text: str = string(2048)(value, path)
    try:
        parts = urlsplit(text)
        good = parts.scheme in {"http", "https"} and bool(parts.hostname) and not re.search(r"[\x00-\x20\\]", text)
    except ValueError:
        good = False
    if not good:
        raise invalid(path, "must be a valid uri")
    return text


def email(value: Any, path: str) -> str:
    text: str = string(254)(value, path)
    if not _EMAIL.fullmatch(text):
        raise XenditError(400, "EMAIL_FORMAT_ERROR", f'"{path}" must be a valid email', path)
    return text


def phone(value: Any, path: str) -> str:
    text: str = string()(value, path)
    if not _PHONE.fullmatch(text):
        raise invalid(path, "must be a phone number in E.164 form")
    return text


def array(item: Check, max_items: int) -> Check:
    def check(value: Any, path: str) -> list[Any]:
        if not isinstance(value, list):
            raise invalid(path, "must be an array")
        if len(value) > max_items:
            raise invalid(path, f"must contain at most {max_items} items")
        return [item(entry, f"{path}[{index}]") for index, entry in enumerate(value)]

    return check


def record(fields: Fields, required: tuple[str, ...] = ()) -> Check:
    return lambda value, path: check_fields(value, fields, required, path)


def any_object(value: Any, path: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise invalid(path, "must be an object")
    return value


def metadata(value: Any, path: str) -> dict[str, Any]:
    pairs = any_object(value, path)
    if len(pairs) > _METADATA_KEYS:
        raise invalid(path, f"must have at most {_METADATA_KEYS} keys")
    for key, entry in pairs.items():
        if len(key) > _METADATA_KEY_CHARS:
            raise invalid(path, f"must have keys of at most {_METADATA_KEY_CHARS} characters")
        if isinstance(entry, str) and len(entry) > _METADATA_VALUE_CHARS:
            raise invalid(f"{path}.{key}", f"must have at most {_METADATA_VALUE_CHARS} characters")
    return pairs
