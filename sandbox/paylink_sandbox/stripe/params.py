"""Checks of request parameters, with the errors that Stripe gives. A check returns the value in its own type."""

import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from paylink_sandbox.stripe.errors import invalid, parameter_missing, parameter_unknown
from paylink_sandbox.stripe.forms import Value

Check = Callable[[Value, str], Any]
Fields = Mapping[str, Check]

_INTEGER = re.compile(r"[+-]?[0-9]{1,18}")
_METADATA_KEYS, _METADATA_KEY_CHARS, _METADATA_VALUE_CHARS = 50, 40, 500


def check_fields(given: Mapping[str, Value], fields: Fields, required: tuple[str, ...], prefix: str = "") -> Any:
    """Check each given field by its name. Unknown ones are refused first, then missing ones, as at Stripe."""

    def full(name: str) -> str:
        return f"{prefix}[{name}]" if prefix else name

    for name in given:
        if name not in fields:
            raise parameter_unknown(full(name))
    for name in required:
        if name not in given:
            raise parameter_missing(full(name))
    return {name: fields[name](value, full(name)) for name, value in given.items()}


def string(max_chars: int = 5000) -> Check:
    def check(value: Value, param: str) -> str:
        if not isinstance(value, str):
            raise invalid(param, f"Invalid string: {param}")
        if not value:
            message = (
                f"You passed an empty string for '{param}'. We assume empty values are an attempt to unset a field; "
                f"however '{param}' cannot be unset. You should remove '{param}' from your request or supply a "
                "non-empty value."
            )
            raise invalid(param, message, "parameter_invalid_empty")
        if len(value) > max_chars:
            raise invalid(param, f"Invalid string: must be at most {max_chars} characters")
        return value

    return check


def integer(minimum: int | None = None) -> Check:
    def check(value: Value, param: str) -> int:
        if not isinstance(value, str) or not _INTEGER.fullmatch(value):
            shown = value if isinstance(value, str) else param
            raise invalid(param, f"Invalid integer: {shown}", "parameter_invalid_integer")
        number = int(value)
        if minimum is not None and number < minimum:
            message = f"This value must be greater than or equal to {minimum}."
            raise invalid(param, message, "parameter_invalid_integer")
        return number

    return check


def boolean(value: Value, param: str) -> bool:
    if value not in ("true", "false"):
        raise invalid(param, f"Invalid boolean: {value if isinstance(value, str) else param}")
    return value == "true"


def one_of(*choices: str) -> Check:
    def check(value: Value, param: str) -> str:
        if not isinstance(value, str) or value not in choices:
            raise invalid(param, f"Invalid {param}: must be one of {', '.join(choices)}")
        return value

    return check


def url(value: Value, param: str) -> str:
    text: str = string()(value, param)
    try:
        parts = urlsplit(text)
        good = parts.scheme in {"http", "https"} and bool(parts.hostname) and not re.search(r"[\x00-\x20\\]", text)
    except ValueError:
        good = False
    if not good:
        raise invalid(param, "Not a valid URL", "url_invalid")
    return text


def array(item: Check, max_items: int) -> Check:
    def check(value: Value, param: str) -> list[Any]:
        if not isinstance(value, dict) or not all(name.isascii() and name.isdigit() for name in value):
            raise invalid(param, "Invalid array")
        if len(value) > max_items:
            raise invalid(param, f"Array {param} exceeded maximum {max_items} allowed elements.")
        return [item(value[name], f"{param}[{name}]") for name in sorted(value, key=int)]

    return check


def record(fields: Fields, required: tuple[str, ...] = ()) -> Check:
    def check(value: Value, param: str) -> Any:
        if not isinstance(value, dict):
            raise invalid(param, "Invalid object")
        return check_fields(value, fields, required, param)

    return check


def metadata(value: Value, param: str) -> dict[str, str]:
    if value == "":
        return {}
    if not isinstance(value, dict):
        raise invalid(param, "Invalid object")
    for key, text in value.items():
        if len(key) > _METADATA_KEY_CHARS:
            message = f"Metadata keys can have up to {_METADATA_KEY_CHARS} characters, and this one is too long: {key}"
            raise invalid(param, message)
        if not isinstance(text, str) or len(text) > _METADATA_VALUE_CHARS:
            message = f"Metadata values must be strings of at most {_METADATA_VALUE_CHARS} characters: {key}"
            raise invalid(f"{param}[{key}]", message)
    kept = {key: str(text) for key, text in value.items() if text}
    if len(kept) > _METADATA_KEYS:
        raise invalid(param, f"You can have at most {_METADATA_KEYS} metadata keys")
    return kept


def time_range(value: Value, param: str) -> dict[str, int]:
    """A time, or bounds by `gt`, `gte`, `lt`, `lte`; returned by SQL operator."""
    if not isinstance(value, dict):
        return {"=": integer()(value, param)}
    operators = {"gt": ">", "gte": ">=", "lt": "<", "lte": "<="}
    bounds: dict[str, int] = check_fields(value, dict.fromkeys(operators, integer()), (), param)
    return {operators[name]: bound for name, bound in bounds.items()}
