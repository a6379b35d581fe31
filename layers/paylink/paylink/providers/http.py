"""The one HTTP client that adapters use: pooled, bounded in time, and exact about what a failure did."""

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from paylink.core.tracing import CLIENT, Value, current_span
from paylink.providers.port import Effect, ErrorKind, ProviderError

if TYPE_CHECKING:
    from urllib3 import BaseHTTPResponse, PoolManager

CONNECT_TIMEOUT_S = 2.0
READ_TIMEOUT_S = 8.0
ANSWER_SIZE_MAX = 4 * 1024 * 1024
_CONNECT_TRIES = 2
_CONNECT_AGAIN_AFTER_S = 0.1
NO_TIME_LEFT = "no_time_left"

_ends_at: ContextVar[float | None] = ContextVar("ends_at", default=None)
sent: ContextVar[bool] = ContextVar("sent", default=False)
"""Whether a byte of the request being made has left us."""


@contextmanager
def calls_end_by(at: float) -> Iterator[None]:
    """Have every call within this block end by a moment (monotonic seconds): what is begun later is not sent."""
    token = _ends_at.set(at)
    try:
        yield
    finally:
        _ends_at.reset(token)


def _seconds_left() -> float:
    at = _ends_at.get()
    return float("inf") if at is None else at - time.monotonic()


@dataclass(frozen=True)
class Answer:
    """A provider's answer: `body` is its JSON, with Decimal for what has a fraction, or None when it is none."""

    status: int
    headers: Mapping[str, str]
    body: Any


class ProviderHttp:
    """
    Calls one provider's API at `base`. Safe to share between threads.

    No redirect is followed and no request is sent twice: whether a repetition is safe is the adapter's knowledge.
    Connecting alone is tried a second time, since nothing has been sent by then.
    """

    def __init__(self, base: str, *, read_timeout_s: float = READ_TIMEOUT_S) -> None:
        self._base = base.rstrip("/")
        self._read_timeout_s = read_timeout_s

    @cached_property
    def _pool(self) -> "PoolManager":
        # Not before the first call: who only takes webhooks in makes none, and urllib3 is dear to import.
        from paylink.providers.connections import new_pool

        return new_pool()

    def send(self, method: str, path: str, *, headers: Mapping[str, str], body: str | None = None) -> Answer:
        """
        Send one request and return the answer, whatever its status.

        Raises:
            ProviderError: UNAVAILABLE. Effect NOTHING when the request never left us; for a GET always NOTHING.
        """
        parent = current_span()
        if parent is None:
            return self._send(method, path, headers, body)
        # Not its path, which has ids, and may have a payer's.
        base = urlsplit(self._base)
        described: dict[str, Value] = {"http.request.method": method, "server.address": base.hostname or ""}
        if base.port is not None:
            described["server.port"] = base.port
        with parent.child(method, described, CLIENT) as call:
            answer = self._send(method, path, headers, body)
            call.set("http.response.status_code", answer.status)
            if answer.status >= 400:
                call.fail(str(answer.status))
            return answer

    def _send(self, method: str, path: str, headers: Mapping[str, str], body: str | None) -> Answer:
        from urllib3.exceptions import HTTPError

        for tries_left in reversed(range(_CONNECT_TRIES)):
            try:
                response = self._request(method, path, headers, body)
                break
            except HTTPError as exc:
                if sent.get() or not tries_left or _seconds_left() < CONNECT_TIMEOUT_S:
                    raise self._failure(method, exc) from exc
                time.sleep(_CONNECT_AGAIN_AFTER_S)
        try:
            raw = self._read(response)
        except HTTPError as exc:
            response.close()
            raise self._failure(method, exc) from exc
        response.release_conn()
        return Answer(response.status, {k.lower(): v for k, v in response.headers.items()}, _json_or_none(raw))

    def _request(self, method: str, path: str, headers: Mapping[str, str], body: str | None) -> "BaseHTTPResponse":
        left_s = _seconds_left()
        if left_s <= 0:
            raise ProviderError(ErrorKind.UNAVAILABLE, NO_TIME_LEFT, effect=Effect.NOTHING, sent=False)
        sent.set(False)
        from urllib3 import Timeout

        timeout = Timeout(total=left_s, connect=CONNECT_TIMEOUT_S, read=self._read_timeout_s)
        return self._pool.request(
            method,
            self._base + path,
            headers=dict(headers),
            body=body,
            timeout=timeout,
            preload_content=False,
            redirect=False,
        )

    def _read(self, response: "BaseHTTPResponse") -> bytes:
        """Read the body within one more read timeout, however slowly it trickles."""
        from urllib3.exceptions import HTTPError

        stop_at, raw = time.monotonic() + min(self._read_timeout_s, _seconds_left()), b""
        while chunk := response.read1(64 * 1024, decode_content=True):
            raw += chunk
            if len(raw) > ANSWER_SIZE_MAX or time.monotonic() > stop_at:
                raise HTTPError("the answer is too large or too slow")
        return raw

    @staticmethod
    def _failure(method: str, exc: Exception) -> ProviderError:
        from urllib3.exceptions import MaxRetryError

        left = sent.get()
        effect = Effect.UNKNOWN if left and method != "GET" else Effect.NOTHING
        cause = (exc.reason or exc) if isinstance(exc, MaxRetryError) else exc
        # The exception's text may hold an address with credentials: only its name is kept.
        return ProviderError(ErrorKind.UNAVAILABLE, type(cause).__name__, effect=effect, sent=left)


def _json_or_none(raw: bytes) -> Any:
    try:
        return json.loads(raw, parse_float=Decimal)
    except (ValueError, RecursionError):
        return None
