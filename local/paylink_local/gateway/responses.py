"""
Turns a function's answer into an HTTP response, as strictly as API Gateway: a malformed one is a 502.

Source: "Output format of a Lambda function for proxy integration", Amazon API Gateway developer guide.
"""

import base64
import binascii
import json
import re
from functools import lru_cache
from typing import Any, NamedTuple

from paylink_local.gateway.problems import Headers

BODY_BYTES_MAX = 6 * 1024 * 1024
"""Lambda's limit on an answer, which it counts in JSON: as bytes of UTF-8, a quotation mark as two."""

_FIELDS = {"statusCode", "headers", "multiValueHeaders", "body", "isBase64Encoded"}
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HEADER_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
# These belong to the connection, which is the server's, or are written by the gateway itself.
_OWN_HEADERS = {"connection", "content-length", "keep-alive", "transfer-encoding", "upgrade", "x-request-id"}
_NO_BODY_STATUSES = {204, 304}


class MalformedAnswer(Exception):
    """A function answered something that API Gateway would not pass on."""


class Response(NamedTuple):
    """What goes over the wire; header names are lower case."""

    status: int
    headers: Headers
    body: bytes


def read_answer(answer: Any) -> Response:
    """
    Return the response that a proxy integration's answer stands for.

    Raises:
        MalformedAnswer: The answer is not of the documented form.
    """
    if not isinstance(answer, dict):
        raise MalformedAnswer(f"the answer is {type(answer).__name__}, not a dict")
    unknown = set(answer) - _FIELDS
    if unknown:
        raise MalformedAnswer(f"the answer has unknown fields: {', '.join(sorted(map(str, unknown)))}")
    status = _status(answer.get("statusCode"))
    headers = _headers(answer)
    body = _body(answer)
    if status in _NO_BODY_STATUSES:
        body = b""
    elif not any(name == b"content-type" for name, _ in headers):
        headers.append((b"content-type", b"application/json"))
    return Response(status, headers, body)


def _status(status: Any) -> int:
    if isinstance(status, str) and status.isascii() and status.isdigit():
        status = int(status)
    if not isinstance(status, int) or isinstance(status, bool) or not 200 <= status <= 599:
        raise MalformedAnswer(f"statusCode is {status!r}")
    return status


def _headers(answer: dict[str, Any]) -> Headers:
    """Merge both kinds of headers: a single value joins the values of the same name unless it is one of them."""
    several = _mapping(answer, "multiValueHeaders")
    merged: dict[str, list[Any]] = {}
    for name, values in several.items():
        if not isinstance(values, list):
            raise MalformedAnswer(f"multiValueHeaders.{name} is not a list")
        merged.setdefault(_name(name), []).extend(values)
    for name, value in _mapping(answer, "headers").items():
        values = merged.setdefault(_name(name), [])
        if not values or value not in values:
            values.append(value)
    return [
        _line(name, value if type(value) is str else _text(value))
        for name, values in merged.items()
        if name not in _OWN_HEADERS
        for value in values
    ]


def _text(value: Any) -> str:
    if not isinstance(value, str | bool | int | float):
        raise MalformedAnswer("a header has a value that is no text")
    return str(value).lower() if isinstance(value, bool) else str(value)


@lru_cache(maxsize=256)
def _line(name: str, value: str) -> tuple[bytes, bytes]:
    """Most headers are the same in every answer, and need not be looked at each time."""
    if not _HEADER_VALUE.fullmatch(value):
        raise MalformedAnswer(f"the header {name} has a value that cannot be sent")
    return name.encode(), value.encode("latin-1")


def _mapping(answer: dict[str, Any], field: str) -> dict[Any, Any]:
    value = answer.get(field)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise MalformedAnswer(f"{field} is not a dict")
    return value


@lru_cache(maxsize=256)
def _name(name: Any) -> str:
    if not isinstance(name, str) or not _HEADER_NAME.fullmatch(name):
        raise MalformedAnswer(f"{name!r} is not the name of a header")
    return name.lower()


def _body(answer: dict[str, Any]) -> bytes:
    body = answer.get("body")
    encoded = answer.get("isBase64Encoded", False)
    if not isinstance(encoded, bool):
        raise MalformedAnswer("isBase64Encoded is not true or false")
    if body is None:
        return b""
    if not isinstance(body, str):
        raise MalformedAnswer(f"the body is {type(body).__name__}, not a text")
    try:
        content = base64.b64decode(body, validate=True) if encoded else body.encode()
    except (binascii.Error, UnicodeEncodeError, ValueError) as exc:
        raise MalformedAnswer(f"the body cannot be encoded: {exc}") from exc
    # A character takes six bytes at most.
    if (
        len(body) > BODY_BYTES_MAX // 6
        and (size := len(json.dumps(body, ensure_ascii=False).encode())) > BODY_BYTES_MAX
    ):
        raise MalformedAnswer(f"the body has {size} bytes in JSON; Lambda passes on {BODY_BYTES_MAX} at most")
    return content
