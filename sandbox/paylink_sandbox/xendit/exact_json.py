"""JSON whose numbers stay exact: read as int or Decimal, written as they are, never a float on the way."""

import json
from decimal import Decimal
from typing import Any

_DIGITS_MAX = 24


def load(raw: bytes) -> Any:
    """Raises ValueError for what is no JSON, is nested too deep, or has NaN or numbers beyond 24 digits."""
    try:
        return json.loads(raw, parse_float=_decimal, parse_int=_integer, parse_constant=_refuse)
    except RecursionError as exc:
        raise ValueError("nested too deep") from exc


def dump(value: Any) -> bytes:
    """Raises UnicodeEncodeError, a ValueError, for half a surrogate pair."""
    return _text(value).encode()


def _text(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ",".join(f"{json.dumps(name, ensure_ascii=False)}:{_text(v)}" for name, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(_text(item) for item in value) + "]"
    if isinstance(value, Decimal):
        return format(value, "f")
    return json.dumps(value, ensure_ascii=False)


def _decimal(text: str) -> Decimal:
    number = Decimal(text)
    if len(number.as_tuple().digits) > _DIGITS_MAX or abs(number.adjusted()) > _DIGITS_MAX:
        raise ValueError("a number has too many digits")
    return number


def _integer(text: str) -> int:
    if len(text) > _DIGITS_MAX:
        raise ValueError("a number has too many digits")
    return int(text)


def _refuse(text: str) -> None:
    raise ValueError(f"{text} is no JSON")
