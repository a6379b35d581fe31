"""Texts that people write and read, such as a name or a description."""

import re

CONTROL = r"\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ufeff"
PRINTABLE = f"^[^{CONTROL}]*$"
"""No control character: also none that breaks lines or turns the direction of writing. Blanks of all scripts are."""

_REFUSED = re.compile(rf"[{CONTROL}\ud800-\udfff]")


def is_printable(text: str) -> bool:
    """Whether a text keeps to PRINTABLE and can be written in UTF-8: a JSON text may hold half a character."""
    return _REFUSED.search(text) is None
