"""
The way of spans to a collector: never in the way of a request, bounded in memory, and what is lost is counted.

Source: OTLP specification, "OTLP/HTTP" and "Failures".
"""

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
from paylink.runtime.otlp import encode_spans
from paylink.runtime.otlp_link import OtlpLink, Taken
from paylink.runtime.process_metrics import frozen_between_calls, process_metrics
from paylink.runtime.trace_settings import TraceSettings

WAITING_MAX = 2048
"""Spans that wait for the collector. What comes when there are so many is dropped."""

TOGETHER_MAX = 512
CLOSE_S = 0.8
"""How long the end of a process waits at most: what it drains before takes up to 7 s, and after 8 s it is killed."""

_GATHER_S = 5.0
_RETRIES_S = (1.0, 2.0, 4.0, 8.0)
_QUEUE_FULL, _NOT_TAKEN = "queue_full", "not_taken"

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
        self._sending = 0
        self._busy = False
        self._some = threading.Event()
        self._hurry = threading.Event()
        self._closing = threading.Event()
        self._failing = False
        self._flushers: list[threading.Event] = []
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._link = OtlpLink(settings)
        self._failures = Seldom()

    def record(self, span: Span) -> None:
        """Take a span that has ended. Never raises: the work that it tells of is done, and must not fail by it."""
        try:
            if len(self._waiting) >= WAITING_MAX:
                self._drop(_QUEUE_FULL, 1)
                return
            self._waiting.append(span)
            if not self._some.is_set():
                self._some.set()
                self._ensure_thread()
            if len(self._waiting) >= TOGETHER_MAX and not self._hurry.is_set():
                self._hurry.set()
        except Exception:
            # A defect of ours, or of what counts.
            return

    def flush(self, within_s: float) -> None:
        """
        Have what was recorded taken, and wait for it so long at most: not at all while the collector is away. Never
        raises.
        """
        with suppress(Exception):
            if not self._failing and (self._waiting or self._busy):
                taken = threading.Event()
                with self._lock:
                    self._flushers.append(taken)
                self._some.set()
                self._hurry.set()
                if not (self._ensure_thread() and taken.wait(within_s)):
                    self._failing = True
            self._tell_drops()

    def close(self) -> None:
        """Send what waits, if it is taken at once, and end the thread; what is not is counted as lost."""
        self._closing.set()
        self._some.set()
        self._hurry.set()
        thread = self._thread
        if thread is not None:
            thread.join(CLOSE_S)
        lost = self._sending + len(self._take(WAITING_MAX))
        with suppress(Exception):
            if lost:
                self._drop(_NOT_TAKEN, lost, "the process ends")

    def _ensure_thread(self) -> bool:
        with self._lock:
            if self._thread is not None and self._thread.is_alive():
                return True
            thread = threading.Thread(target=self._run, name="span-exporter", daemon=True)
            try:
                thread.start()
            except RuntimeError:
                # There are as many as there may be: the next span asks again.
                self._some.clear()
                return False
            self._thread = thread
            return True

    def _run(self) -> None:
        closing = False
        while not closing:
            self._some.wait()
            self._hurry.wait(self._gather_s)
            self._busy = True
            self._some.clear()
            self._hurry.clear()
            # Whoever asks for the end after this line has set the two again.
            closing = self._closing.is_set()
            flushers = self._take_flushers()
            # What comes meanwhile is gathered again.
            left = len(self._waiting)
            while spans := self._take(min(left, TOGETHER_MAX)):
                left -= len(spans)
                self._sending = len(spans)
                self._send(spans)
                self._sending = 0
            self._busy = False
            for flusher in flushers:
                flusher.set()
        self._link.close()

    def _take(self, most: int) -> list[Span]:
        spans: list[Span] = []
        with suppress(IndexError):
            while len(spans) < most:
                spans.append(self._waiting.popleft())
        return spans

    def _send(self, spans: Sequence[Span]) -> None:
        try:
            sound, body = self._encoded(spans)
            taken = self._try(body) if sound else Taken()
            lost, reason = (sound, taken.reason) if taken.reason else (min(taken.rejected, sound), "rejected")
        except Exception as exc:
            # A defect of ours: it costs these spans, and not the thread.
            sound, lost, reason = len(spans), len(spans), type(exc).__name__
        with suppress(Exception):
            if lost:
                self._drop(_NOT_TAKEN, lost, reason)
            if sound < len(spans):
                self._drop(_NOT_TAKEN, len(spans) - sound, "not encodable")

    def _encoded(self, spans: Sequence[Span]) -> tuple[int, bytes]:
        """Return of how many spans this is the body: one that cannot be written takes no others with it."""
        try:
            return len(spans), encode_spans(spans, self._resource)
        except Exception:
            sound = [span for span in spans if self._is_sound(span)]
            return len(sound), encode_spans(sound, self._resource)

    def _is_sound(self, span: Span) -> bool:
        try:
            encode_spans([span], {})
        except Exception:
            return False
        return True

    def _try(self, body: bytes) -> Taken:
        """Send a body until the collector takes it, or will not."""
        encoded = self._link.encoded(body)
        for wait_s in (*self._retries_s, None):
            taken = self._link.send(encoded)
            if taken.reason is None:
                self._failing = False
                return taken
            self._failing = True
            for flusher in self._take_flushers():
                flusher.set()
            if wait_s is None or not taken.again or self._closing.wait(max(wait_s, taken.wait_s)):
                break
        return taken

    def _take_flushers(self) -> list[threading.Event]:
        with self._lock:
            flushers, self._flushers = self._flushers, []
        return flushers

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
