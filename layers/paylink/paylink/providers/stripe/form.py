"""Stripe's request encoding: form fields with brackets, `line_items[0][quantity]=1`."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TypeAlias
from urllib.parse import quote

FormValue: TypeAlias = str | int | Mapping[str, "FormValue"] | Sequence["FormValue"] | None


def encode_form(fields: Mapping[str, FormValue]) -> str:
    """Encode nested fields; None is left out. Braces stay bare, for Stripe's `{CHECKOUT_SESSION_ID}`."""
    return "&".join(f"{quote(name, safe='[]')}={quote(value, safe='{}')}" for name, value in _flatten(fields))


def _flatten(fields: Mapping[str, FormValue], prefix: str = "") -> Iterator[tuple[str, str]]:
    for key, value in fields.items():
        name = f"{prefix}[{key}]" if prefix else key
        if value is None:
            continue
        if isinstance(value, str | int):
            yield name, str(value)
        elif isinstance(value, Mapping):
            yield from _flatten(value, name)
        else:
            yield from _flatten({str(i): item for i, item in enumerate(value)}, name)
