"""What the settings of every adapter share."""

from collections.abc import Mapping
from urllib.parse import urlsplit

_THIS_MACHINE = ("localhost", "127.0.0.1", "::1", "sandbox")


def read_api_base(environ: Mapping[str, str], name: str, *, live: str) -> str:
    """
    Return the address of a provider's API that the variable `name` holds, by default `live`.

    Raises:
        ValueError: The address is not https, which only this machine may do without; or it is not `live` in production.
    """
    base = environ.get(name, live).rstrip("/")
    parts = urlsplit(base)
    if environ.get("PAYLINK_ENVIRONMENT") == "production" and base != live:
        raise ValueError(f"{name}: production talks to {live} only")
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in _THIS_MACHINE):
        raise ValueError(f"{name}: an https address is needed")
    return base
