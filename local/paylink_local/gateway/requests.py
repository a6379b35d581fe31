"""Reads an HTTP request strictly: what is not well-formed is refused here, before a function sees it."""

import re
from collections.abc import Awaitable, Callable, Sequence
from typing import Any
from urllib.parse import unquote_to_bytes

from uuid_utils import uuid4

from paylink_local.gateway.problems import bad_request

_REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
_BAD_PERCENT = re.compile(rb"%(?![0-9A-Fa-f]{2})")

RawHeaders = Sequence[tuple[bytes, bytes]]
Receive = Callable[[], Awaitable[Any]]


def request_id(headers: RawHeaders) -> str:
    """Return the one well-formed `X-Request-Id` of the request, or else a new id."""
    given = [value for name, value in headers if name == b"x-request-id"]
    if len(given) == 1 and _REQUEST_ID.fullmatch(given[0]):
        return given[0].decode()
    return str(uuid4())


def decode_path(raw_path: bytes) -> list[str]:
    """Return the decoded segments of a path. An encoded slash stays inside its segment."""
    if not raw_path.startswith(b"/"):
        raise bad_request("the path must start with a slash")
    return [_decode(segment, "path") for segment in raw_path[1:].split(b"/")]


def decode_query(raw_query: bytes) -> dict[str, list[str]]:
    """Return the query's names with all their values, in order; a name without `=` has the value ''."""
    values: dict[str, list[str]] = {}
    for pair in raw_query.replace(b"+", b" ").split(b"&") if raw_query else ():
        name, _, value = pair.partition(b"=")
        if pair:
            values.setdefault(_decode(name, "query"), []).append(_decode(value, "query"))
    return values


def _decode(encoded: bytes, where: str) -> str:
    if _BAD_PERCENT.search(encoded):
        raise bad_request(f"the {where} has a % that is not followed by two hexadecimal digits")
    try:
        text = unquote_to_bytes(encoded).decode()
    except UnicodeDecodeError:
        raise bad_request(f"the {where} is not UTF-8") from None
    if "\0" in text:
        raise bad_request(f"the {where} has a NUL character")
    return text
