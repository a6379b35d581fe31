"""Headers of answers."""

from typing import Any

_ID = {"type": "string", "pattern": "^[A-Za-z0-9._-]{1,64}$"}
_LIMIT_ITEM = r'"(key|merchant)";[a-z]=[0-9]+(;[a-z]=[0-9]+)?'

HEADERS: dict[str, dict[str, Any]] = {
    "X-Request-Id": {
        "description": "Names the request in our log: yours, if you sent a well-formed one.",
        "required": True,
        "schema": _ID,
    },
    "RateLimit-Policy": {
        "description": "The limits of the key and its merchant: `q` requests fit into a bucket that fills in `w` "
        "seconds (draft-ietf-httpapi-ratelimit-headers-10).",
        "schema": {"type": "string", "pattern": f"^{_LIMIT_ITEM}(, {_LIMIT_ITEM})*$"},
    },
    "RateLimit": {
        "description": "How it stands with them: `r` requests are left, and more will be in `t` seconds.",
        "schema": {"type": "string", "pattern": f"^{_LIMIT_ITEM}(, {_LIMIT_ITEM})*$"},
    },
    "Retry-After": {
        "description": "In how many seconds to try again.",
        "schema": {"type": "integer", "minimum": 1},
    },
    "WWW-Authenticate": {
        "description": "How to bring a key.",
        "required": True,
        "schema": {"type": "string", "const": "Bearer"},
    },
    "Location": {
        "description": "Where what was made can be read.",
        "required": True,
        "schema": {"type": "string", "format": "uri-reference"},
    },
    "Idempotency-Replayed": {
        "description": "This is the first answer again: [idempotency.md](idempotency.md).",
        "schema": {"type": "string", "const": "true"},
    },
}


def headers(*names: str) -> dict[str, Any]:
    """Return references to these headers, and to those that every answer may have."""
    return {name: {"$ref": f"#/components/headers/{name}"} for name in ("X-Request-Id", *names)}


def keyed_headers(*names: str) -> dict[str, Any]:
    """The same for an answer to a key."""
    return headers("RateLimit-Policy", "RateLimit", *names)
