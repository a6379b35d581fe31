"""
The way of spans to a collector: never in the way of a request, bounded in memory, and what is lost is counted.

Source: OTLP specification, "OTLP/HTTP" and "Failures" with its retryable answers.
"""

import gzip
import logging
import os
import threading
import uuid
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress

from paylink.core.metrics import SPANS_DROPPED
from paylink.core.seldom import Seldom
from paylink.core.tracing import Span, Value
from paylink.runtime.http_connection import BadAnswer, HttpConnection, NoAnswer
from paylink.runtime.otlp import encode_spans
from paylink.runtime.process_metrics import frozen_between_calls, process_metrics
from paylink.runtime.trace_settings import TraceSettings

WAITING_MAX = 2048
"""Spans that wait for the collector. What comes when there are so many is dropped."""

TOGETHER_MAX = 512
_GATHER_S = 5.0
_RETRIES_S = (1.0, 2.0, 4.0, 8.0)
_RETRYABLE = frozenset({429, 502, 503, 504})
_CLOSE_S = 2.0
_STALE = (NoAnswer, BrokenPipeError, ConnectionResetError)

_log = logging.getLogger("paylink")


def _count_drops(reason: str, spans: int) -> None:
    metrics = process_metrics()
    for _ in range(spans):
        metrics.count(SPANS_DROPPED, reason)


class SpanExporter:
    """
    Gathers spans and sends them together, from a daemon thread that begins with the first one. Safe to share between
    threads. A collector that does not answer holds up that thread, and nobody else.

    dropped: told why so many spans are lost: `queue_full`, or `not_taken` by the collector.
    gather_s: how long the first span waits for others.
    """

    def __init__(
        self,
        settings: TraceSettings,
        *,
        dropped: Callable[[str, int], None] = _count_drops,
        gather_s: float = _GATHER_S,
        retries_s: Sequence[float] = _RETRIES_S,
    ) -> None:
        self._settings = settings
        self._dropped = dropped
        self._drops: dict[str, int] = {}
        self._at_flush = frozen_between_calls()
        self._gather_s = gather_s
        self._retries_s = retries_s
        self._resource: dict[str, Value] = {
            **settings.resource,
            "service.instance.id": str(uuid.uuid4()),
            "process.pid": os.getpid(),
            "telemetry.sdk.language": "python",
            "telemetry.sdk.name": "paylink",
        }
        self._waiting: deque[Span] = deque()
        self._busy = False
        self._some = threading.Event()
        self._hurry = threading.Event()
        self._closing = threading.Event()
        self._failing = False
        self._flushers: list[threading.Event] = []
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._connection: HttpConnection | None = None
        self._failures = Seldom()

    def record(self, span: Span) -> None:
        """Take a span that has ended."""
        if len(self._waiting) >= WAITING_MAX:
            self._drop("queue_full", 1)
            return
        self._waiting.append(span)
        if not self._some.is_set():
            self._some.set()
            self._ensure_thread()
        if len(self._waiting) == TOGETHER_MAX:
            self._hurry.set()

    def flush(self, within_s: float) -> None:
        """Have what was recorded taken, and wait for it so long at most: not at all while the collector is away."""
        if not self._failing and (self._waiting or self._busy):
            taken = threading.Event()
            with self._lock:
                self._flushers.append(taken)
            self._some.set()
            self._hurry.set()
            if not taken.wait(within_s):
                self._failing = True
        self._tell_drops()

    def close(self) -> None:
        """Send what waits, if it is taken at once, and end the thread."""
        self._closing.set()
        self._some.set()
        self._hurry.set()
        thread = self._thread
        if thread is not None:
            thread.join(_CLOSE_S)

    def _ensure_thread(self) -> None:
        with self._lock:
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="span-exporter", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        while not self._closing.is_set():
            self._some.wait()
            self._hurry.wait(self._gather_s)
            self._some.clear()
            self._hurry.clear()
            self._busy = True
            flushers = self._take_flushers()
            while self._waiting:
                self._send([self._waiting.popleft() for _ in range(min(len(self._waiting), TOGETHER_MAX))])
            self._busy = False
            for flusher in flushers:
                flusher.set()
        if self._connection is not None:
            self._connection.close()

    def _send(self, spans: Sequence[Span]) -> None:
        try:
            reason = self._try(encode_spans(spans, self._resource))
        except Exception as exc:
            # A defect of ours: it costs these spans, and not the thread.
            reason = type(exc).__name__
        if reason is not None:
            self._drop("not_taken", len(spans), reason)

    def _try(self, body: bytes) -> str | None:
        """Return why the collector did not take it, or None."""
        headers = {**self._settings.headers, "host": self._settings.host, "content-type": "application/x-protobuf"}
        if self._settings.gzip:
            body = gzip.compress(body, 1)
            headers["content-encoding"] = "gzip"
        for wait_s in (*self._retries_s, None):
            status, reason = self._post(headers, body)
            if reason is None:
                self._failing = False
                return None
            self._failing = True
            for flusher in self._take_flushers():
                flusher.set()
            if wait_s is None or (status and status not in _RETRYABLE) or self._closing.wait(wait_s):
                break
        return reason

    def _take_flushers(self) -> list[threading.Event]:
        with self._lock:
            flushers, self._flushers = self._flushers, []
        return flushers

    def _post(self, headers: dict[str, str], body: bytes) -> tuple[int, str | None]:
        """Return the answer's status, 0 without one, and what is wrong with it."""
        settings = self._settings
        reused = self._connection is not None
        try:
            if self._connection is None:
                self._connection = HttpConnection(settings.scheme, settings.host, settings.timeout_s)
            status, _ = self._connection.post(headers, body, settings.path)
            kept = self._connection.kept
        except (OSError, BadAnswer, ValueError) as exc:
            self._disconnect()
            if reused and isinstance(exc, _STALE):
                # It had died idle.
                return self._post(headers, body)
            return 0, type(exc).__name__
        if not kept:
            self._disconnect()
        return status, None if 200 <= status < 300 else str(status)

    def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(OSError):
                connection.close()

    def _drop(self, why: str, spans: int, reason: str | None = None) -> None:
        with self._lock:
            self._drops[why] = self._drops.get(why, 0) + spans
        # On Lambda only the invocation's own thread counts.
        if not self._at_flush:
            self._tell_drops()
        held_back = self._failures.take()
        if held_back is not None:
            facts = {"spans": spans, "error": reason or why, "held_back": held_back}
            _log.warning("spans are dropped", extra=facts)

    def _tell_drops(self) -> None:
        with self._lock:
            drops, self._drops = self._drops, {}
        for why, spans in drops.items():
            self._dropped(why, spans)
