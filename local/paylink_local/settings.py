"""Numbers from the environment."""

import os
from collections.abc import Mapping

LOOPBACK = "127.0.0.1"
_EVERYWHERE = "0.0.0.0"  # noqa: S104  # only where somebody asks for it, as in a container


class SettingsError(Exception):
    """A setting has a value that cannot be used; the message names the variable."""


def whole_number(name: str, *, default: int, low: int, high: int, environ: Mapping[str, str] = os.environ) -> int:
    """Return an environment variable as a whole number, or `default` when it is not set or empty."""
    text = environ.get(name) or str(default)
    if not (text.isascii() and text.isdigit() and low <= int(text) <= high):
        raise SettingsError(f"{name} must be a whole number from {low} to {high}, not {text!r}")
    return int(text)


def listen_address(environ: Mapping[str, str] = os.environ) -> str:
    """
    Return the address that `PAYLINK_LISTEN_ADDRESS` names: the loopback interface's by default, or every interface's.

    Raises:
        SettingsError: It is neither.
    """
    address = environ.get("PAYLINK_LISTEN_ADDRESS") or LOOPBACK
    if address not in (LOOPBACK, _EVERYWHERE):
        raise SettingsError(f"PAYLINK_LISTEN_ADDRESS must be {LOOPBACK} or {_EVERYWHERE}, not {address!r}")
    return address
