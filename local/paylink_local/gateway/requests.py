"""Reads an HTTP request strictly: what is not well-formed is refused here, before a function sees it."""

import asyncio
import re
import uuid
from collections.abc import Awaitable, Callable, Sequence
from typing import Any
from urllib.parse import unquote_to_bytes

from paylink_local.gateway.problems import bad_request, payload_too_large, request_timeout

BODY_BYTES_MAX = 10 * 1024 * 1024
"""API Gateway's limit."""

_BODY_WAIT_S = 30
# A client that still sends would not read an early answer, so an overlong body is read on for a while, and thrown away.
_DISCARD_BYTES_MAX = 4 * BODY_BYTES_MAX

_REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
_BAD_PERCENT = re.compile(rb"%(?![0-9A-Fa-f]{2})")

RawHeaders = Sequence[tuple[bytes, bytes]]
Receive = Callable[[], Awaitable[Any]]


def request_id(headers: RawHeaders) -> str:
    """Return the one well-formed `X-Request-Id` of the request, or else a new id."""
    given = [value for name, value in headers if name == b"x-request-id"]
    if len(given) == 1 and _REQUEST_ID.fullmatch(given[0]):
        return given[0].decode()
    return str(uuid.uuid4())


def decode_path(raw_path: bytes) -> list[str]:
    """Return the decoded segments of a path. An encoded slash stays inside its segment."""
    if not raw_path.startswith(b"/"):
        raise bad_request("The path must start with a slash.")
    return [_decode(segment, "path") for segment in raw_path[1:].split(b"/")]


def decode_query(raw_query: bytes) -> dict[str, list[str]]:
    """Return the query's names with all their values, in order; a name without `=` has the value ''."""
    values: dict[str, list[str]] = {}
    for pair in raw_query.replace(b"+", b" ").split(b"&") if raw_query else ():
        name, _, value = pair.partition(b"=")
        if pair:
            values.setdefault(_decode(name, "query"), []).append(_decode(value, "query"))
    return values


async def read_body(headers: RawHeaders, receive: Receive) -> bytes:
    """
    Return the whole body.

    Raises:
        Problem: It is too large, ends early, is framed wrongly or does not come in time.
    """
    length = next((value for name, value in headers if name == b"content-length"), None)
    if length in (None, b"0") and not any(name == b"transfer-encoding" for name, _ in headers):
        return b""
    try:
        async with asyncio.timeout(_BODY_WAIT_S):
            return await _receive_all(receive)
    except TimeoutError:
        raise request_timeout(_BODY_WAIT_S) from None


async def _receive_all(receive: Receive) -> bytes:
    chunks: list[bytes] = []
    size = 0
    more = True
    while more and size <= _DISCARD_BYTES_MAX:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise bad_request("The body is not as long as announced, or its chunks are malformed.")
        size += len(message["body"])
        if size <= BODY_BYTES_MAX:
            chunks.append(message["body"])
        more = message["more_body"]
    if size > BODY_BYTES_MAX:
        raise payload_too_large(BODY_BYTES_MAX)
    return b"".join(chunks)


def _decode(encoded: bytes, where: str) -> str:
    if _BAD_PERCENT.search(encoded):
        raise bad_request(f"The {where} has a % that is not followed by two hexadecimal digits.")
    try:
        text = unquote_to_bytes(encoded).decode()
    except UnicodeDecodeError:
        raise bad_request(f"The {where} is not UTF-8.") from None
    if "\0" in text:
        raise bad_request(f"The {where} has a NUL character.")
    return text
