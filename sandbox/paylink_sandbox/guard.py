"""Keeps other web sites out: the sandbox has no login, so a page elsewhere must not be able to press its buttons."""

from functools import partial
from urllib.parse import urlsplit

from flask import Flask, Response, request

from paylink_sandbox.errors import Forbidden

_HOSTS = frozenset({"localhost", "127.0.0.1", "::1"})
_READS = frozenset({"GET", "HEAD", "OPTIONS"})

# form-action stays open: browsers apply it to the redirect after a form too, and that leads to the shop.
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self' data:; base-uri 'none'; "
    "frame-ancestors 'none'; form-action 'self' http: https:",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}


def install(app: Flask, host: str) -> None:
    """host: the one name to answer to beside this machine's own."""
    app.before_request(partial(_refuse_foreign_hosts, _HOSTS | {host}))
    app.before_request(_refuse_foreign_origins)
    app.after_request(_add_headers)


def _refuse_foreign_hosts(hosts: frozenset[str]) -> None:
    """A foreign name that resolves to this machine (DNS rebinding) would make a hostile page same-origin with us."""
    try:
        name = urlsplit(f"//{request.headers.get('Host', '')}").hostname
    except ValueError:
        name = None
    if name not in hosts:
        raise Forbidden("the sandbox answers to localhost only")


def _refuse_foreign_origins() -> None:
    """Browsers name the origin of every POST; programs send none and pass."""
    if request.method in _READS:
        return
    origin = request.headers.get("Origin")
    if origin is not None and origin != f"{request.scheme}://{request.host}":
        raise Forbidden("requests from other sites are refused")
    if request.headers.get("Sec-Fetch-Site", "same-origin") not in {"same-origin", "none"}:
        raise Forbidden("requests from other sites are refused")


def _add_headers(response: Response) -> Response:
    for name, value in _HEADERS.items():
        response.headers.setdefault(name, value)
    return response
