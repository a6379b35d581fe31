"""The one HTTP client that adapters use: pooled, bounded in time, and exact about what a failure did."""

import json
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import urllib3
from urllib3 import BaseHTTPResponse
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    MaxRetryError,
    NameResolutionError,
    NewConnectionError,
)

from paylink.providers.port import Effect, ErrorKind, ProviderError

CONNECT_TIMEOUT_S = 2.0
READ_TIMEOUT_S = 8.0
ANSWER_SIZE_MAX = 4 * 1024 * 1024


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
        self._pool = urllib3.PoolManager(
            maxsize=16,
            timeout=urllib3.Timeout(connect=CONNECT_TIMEOUT_S, read=read_timeout_s),
            retries=urllib3.Retry(total=None, connect=1, read=0, redirect=0, status=0, other=0, backoff_factor=0.1),
        )

    def send(self, method: str, path: str, *, headers: Mapping[str, str], body: str | None = None) -> Answer:
        """
        Send one request and return the answer, whatever its status.

        Raises:
            ProviderError: UNAVAILABLE. Effect NOTHING when the request never left us; for a GET always NOTHING.
        """
        try:
            response = self._pool.request(
                method, self._base + path, headers=dict(headers), body=body, preload_content=False, redirect=False
            )
        except MaxRetryError as exc:
            raise self._failure(method, exc.reason or exc) from exc
        except HTTPError as exc:
            raise self._failure(method, exc) from exc
        try:
            raw = self._read(response)
        except HTTPError as exc:
            response.close()
            raise self._failure(method, exc) from exc
        response.release_conn()
        return Answer(response.status, {k.lower(): v for k, v in response.headers.items()}, _json_or_none(raw))

    def _read(self, response: BaseHTTPResponse) -> bytes:
        """Read the body within one more read timeout, however slowly it trickles."""
        stop_at, raw = time.monotonic() + self._read_timeout_s, b""
        while chunk := response.read1(64 * 1024, decode_content=True):
            raw += chunk
            if len(raw) > ANSWER_SIZE_MAX or time.monotonic() > stop_at:
                raise HTTPError("the answer is too large or too slow")
        return raw

    @staticmethod
    def _failure(method: str, exc: Exception) -> ProviderError:
        sent = not _before_sending(exc)
        effect = Effect.UNKNOWN if sent and method != "GET" else Effect.NOTHING
        # The exception's text may hold an address with credentials: only its name is kept.
        return ProviderError(ErrorKind.UNAVAILABLE, type(exc).__name__, effect=effect, sent=sent)


def _before_sending(exc: Exception) -> bool:
    if isinstance(exc, ConnectTimeoutError | NewConnectionError | NameResolutionError):
        return True
    return any(isinstance(cause, ssl.SSLCertVerificationError) for cause in exc.args)


def _json_or_none(raw: bytes) -> Any:
    try:
        return json.loads(raw, parse_float=Decimal)
    except (ValueError, RecursionError):
        return None
