"""Stripe's request bodies: form fields with brackets, `line_items[0][price_data][currency]=idr`."""

import re
from urllib.parse import parse_qsl

from paylink_sandbox.stripe.errors import StripeError, invalid

Value = str | dict[str, "Value"]
"""A field, or a group of them by name. Arrays are groups with the names 0, 1, 2."""

_FIELDS_MAX = 2000
_DEPTH_MAX = 8
_NAME = re.compile(r"([^\[\]]+)((?:\[[^\[\]]*\])*)")


def parse_form(raw: bytes) -> dict[str, Value]:
    """Parse a body or a query string. Raises StripeError for what cannot be read; a repeated name keeps the last."""
    try:
        pairs = parse_qsl(raw.decode("utf-8"), keep_blank_values=True, errors="strict", max_num_fields=_FIELDS_MAX)
    except UnicodeDecodeError as exc:
        raise StripeError(400, "Invalid request: the parameters are not valid UTF-8.") from exc
    except ValueError as exc:
        raise StripeError(400, f"Invalid request: more than {_FIELDS_MAX} parameters.") from exc
    form: dict[str, Value] = {}
    for name, value in pairs:
        _put(form, name, value)
    return form


def _put(form: dict[str, Value], name: str, value: str) -> None:
    match = _NAME.fullmatch(name)
    if match is None:
        raise invalid(name, f"Invalid parameter name: {name}")
    path = [match[1], *re.findall(r"\[([^\[\]]*)\]", match[2])]
    if len(path) > _DEPTH_MAX:
        raise invalid(name, f"Invalid parameter name: {name}")
    group = form
    for part in path[:-1]:
        inner = group.setdefault(_key(group, part), {})
        if not isinstance(inner, dict):
            raise invalid(name, f"Invalid object: {name}")
        group = inner
    last = _key(group, path[-1])
    if isinstance(group.get(last), dict):
        raise invalid(name, f"Invalid string: {name}")
    group[last] = value


def _key(group: dict[str, Value], part: str) -> str:
    """`expand[]` appends."""
    return part or str(len(group))
