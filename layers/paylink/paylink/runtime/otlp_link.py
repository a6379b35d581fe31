"""One request to a collector, and what its answer says of the spans in it."""

import gzip
from contextlib import suppress
from typing import NamedTuple

from paylink.runtime.http_connection import BadAnswer, HttpConnection, NoAnswer
from paylink.runtime.otlp import read_rejected
from paylink.runtime.trace_settings import TraceSettings

RETRY_AFTER_S_MAX = 30
"""How long a collector can have us wait; where it wants more, it is asked too early."""

_ANSWER_MAX = 64 * 1024
"""An answer has a figure and a sentence."""

_RETRYABLE = frozenset({429, 502, 503, 504})
_STALE = (NoAnswer, BrokenPipeError, ConnectionResetError)


class Taken(NamedTuple):
    """
    What became of a request. reason: why it was not taken, or None; again: whether it may be sent again, not before
    `wait_s`; rejected: how many of its spans were not kept, as the collector says.
    """

    reason: str | None = None
    again: bool = False
    wait_s: float = 0.0
    rejected: int = 0


class OtlpLink:
    """
    Sends to one collector, over a connection that is kept. For one thread. No redirect is followed.

    Source: OTLP specification, "OTLP/HTTP Response", "Full Success" to "Failures", and "OTLP/HTTP Throttling".
    """

    def __init__(self, settings: TraceSettings) -> None:
        self._settings = settings
        self._headers = {
            **settings.headers,
            "host": settings.host,
            "content-type": "application/x-protobuf",
            **({"content-encoding": "gzip"} if settings.gzip else {}),
        }
        self._connection: HttpConnection | None = None

    def encoded(self, body: bytes) -> bytes:
        """Return a body as it is sent, once or several times."""
        return gzip.compress(body, 1) if self._settings.gzip else body

    def send(self, encoded: bytes) -> Taken:
        """Send one request, and tell what the collector says to it, or what went wrong."""
        settings = self._settings
        reused = self._connection is not None
        try:
            if self._connection is None:
                # Its status is what counts.
                self._connection = HttpConnection(
                    settings.scheme, settings.host, settings.timeout_s, answer_max=_ANSWER_MAX, measured=False
                )
            status, answer = self._connection.post(self._headers, encoded, settings.path)
        except (OSError, BadAnswer, ValueError) as exc:
            self.close()
            if reused and isinstance(exc, _STALE):
                # It had died idle.
                return self.send(encoded)
            # Who answers something else than a collector does so the next time.
            return Taken(type(exc).__name__, again=isinstance(exc, OSError))
        wait_s = _seconds(self._connection.retry_after)
        if not self._connection.kept:
            self.close()
        if 200 <= status < 300:
            return Taken(rejected=read_rejected(answer))
        return Taken(str(status), again=status in _RETRYABLE, wait_s=wait_s)

    def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(OSError):
                connection.close()


def _seconds(retry_after: str) -> float:
    """Return how long to wait, as far as that is told in seconds: a date is passed over."""
    if not (retry_after.isascii() and retry_after.isdigit()):
        return 0.0
    return float(min(int(retry_after[:9]), RETRY_AFTER_S_MAX))
