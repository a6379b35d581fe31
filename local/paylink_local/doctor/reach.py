"""Examines Redis and the providers: whether they answer, how quickly, and what time they have."""

import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

from paylink.core.secret import Secret
from paylink.edge.redis_link import RedisLink, RedisRefused, RedisUnavailable
from paylink.providers.http import Answer, ProviderHttp
from paylink.providers.port import ProviderError
from paylink_local.doctor.database import judge_clock
from paylink_local.doctor.finding import Finding, Level, ok, warning, wrong

_REDIS_TIMEOUT_S = 2.0
_REDIS_LATENCY_MS_HIGH = 50.0
_SAMPLES = 5
_THIS_MACHINE = ("localhost", "127.0.0.1", "::1", "sandbox")


def examine_redis(url: Secret) -> Finding:
    link = RedisLink(url, timeout_s=_REDIS_TIMEOUT_S)
    took_ms = []
    try:
        for _ in range(_SAMPLES):
            began = time.perf_counter()
            link.run("PING")
            took_ms.append((time.perf_counter() - began) * 1000)
    except RedisUnavailable as exc:
        seen = f"Redis does not answer ({exc}): each process keeps limits and circuit breakers of its own"
        return wrong("redis", seen, "look at the server, and at PAYLINK_REDIS_URL")
    except RedisRefused as exc:
        return wrong("redis", f"Redis refuses to work ({exc})", "look at its log, and at the user in PAYLINK_REDIS_URL")
    finally:
        link.close()
    seen = f"Redis answers in {min(took_ms):.2f} ms"
    if min(took_ms) > _REDIS_LATENCY_MS_HIGH:
        return warning("redis", seen, "run PayLink beside it: after 200 ms it is taken for away")
    return ok("redis", seen)


def on_this_machine(address: str) -> bool:
    return urlsplit(address).hostname in _THIS_MACHINE


def examine_providers(bases: Mapping[str, str]) -> Iterator[Finding]:
    """bases: the address of each provider's API, by slug. It is asked for nothing, and without a key."""
    for slug, base in bases.items():
        name = f"PAYLINK_{slug.upper()}_API_BASE"
        began_s, began = time.perf_counter(), datetime.now(UTC)
        try:
            answer = ProviderHttp(base).send("GET", "/", headers={})
        except ProviderError as exc:
            yield wrong("providers", f"{slug} cannot be reached ({exc.code})", f"look at the network, and at {name}")
            continue
        took_s = time.perf_counter() - began_s
        yield ok("providers", f"{slug} answers in {took_s * 1000:.0f} ms")
        clock = judge_clock(slug, _ahead_s(answer, began, took_s))
        if clock.level is not Level.OK:
            yield clock


def _ahead_s(answer: Answer, began: datetime, took_s: float) -> float:
    """Return by how much a provider's clock is ahead, from its Date header, which has whole seconds; 0 without one."""
    try:
        told = parsedate_to_datetime(answer.headers["date"])
    except (KeyError, ValueError):
        return 0.0
    if told.tzinfo is None:
        told = told.replace(tzinfo=UTC)
    ahead_s = (told - began).total_seconds() - took_s / 2
    # It was cut off to the second below.
    return ahead_s if ahead_s >= 0 else min(0.0, ahead_s + 1.0)
