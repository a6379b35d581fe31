"""Numbers from the environment."""

import os
from collections.abc import Mapping


class SettingsError(Exception):
    """A setting has a value that cannot be used; the message names the variable."""


def whole_number(name: str, *, default: int, low: int, high: int, environ: Mapping[str, str] = os.environ) -> int:
    """Return an environment variable as a whole number, or `default` when it is not set or empty."""
    text = environ.get(name) or str(default)
    if not (text.isascii() and text.isdigit() and low <= int(text) <= high):
        raise SettingsError(f"{name} must be a whole number from {low} to {high}, not {text!r}")
    return int(text)
