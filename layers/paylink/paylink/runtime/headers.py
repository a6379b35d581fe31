"""Headers that answers carry whatever they say: for browsers, for caches, and of a caller's limits."""

import math
import os
from collections.abc import Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from paylink.edge.rate_limit import Standing

_ALWAYS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
_HSTS = {"Strict-Transport-Security": "max-age=31536000"}

_EXPOSED = "Idempotency-Replayed, Location, RateLimit, RateLimit-Policy, Retry-After, X-Request-Id"
_PREFLIGHT = {
    "Access-Control-Allow-Methods": "GET, POST, PUT, PATCH, DELETE",
    "Access-Control-Allow-Headers": "Authorization, Content-Type, Idempotency-Key, X-Request-Id",
    "Access-Control-Max-Age": "600",
}


@cache
def security_headers() -> Mapping[str, str]:
    """
    Return what every answer carries. Over plain http (PAYLINK_PUBLIC_URL) browsers are not told to insist on https.

    Read from the environment, as every function has these and few need the other settings to answer.
    """
    public_url = os.environ.get("PAYLINK_PUBLIC_URL", "")
    return _ALWAYS | _HSTS if public_url.lower().startswith("https://") else _ALWAYS


def cors_headers(origins: tuple[str, ...], origin: str | None) -> dict[str, str]:
    """Return what lets a page of one of these origins read an answer. Without origins there is no CORS at all."""
    if not origins:
        return {}
    if origin not in origins:
        return {"Vary": "Origin"}
    return {"Vary": "Origin", "Access-Control-Allow-Origin": origin, "Access-Control-Expose-Headers": _EXPOSED}


def preflight_headers(origins: tuple[str, ...], origin: str | None) -> dict[str, str]:
    """Return the answer to a browser that asks whether it may send a request of such a page."""
    headers = cors_headers(origins, origin)
    return headers | _PREFLIGHT if "Access-Control-Allow-Origin" in headers else headers


def rate_limit_headers(standings: Sequence["Standing"]) -> dict[str, str]:
    """
    Return how a caller stands with each of its limits.

    Source: draft-ietf-httpapi-ratelimit-headers-10. A bucket is told as its size and the seconds in which it fills.
    """
    policies = [f'"{s.name}";q={s.limit.burst};w={math.ceil(s.limit.burst / s.limit.rate)}' for s in standings]
    left = [f'"{s.name}";r={int(s.tokens)}{_next_token(s)}' for s in standings]
    return {"RateLimit-Policy": ", ".join(policies), "RateLimit": ", ".join(left)}


def _next_token(standing: "Standing") -> str:
    """A full bucket gets no further token."""
    missing = min(1 - standing.tokens % 1, standing.limit.burst - standing.tokens)
    return f";t={math.ceil(missing / standing.limit.rate)}" if missing > 0 else ""
