"""Sends due webhooks from background threads. A webhook leaves the table only when its outcome is on disk."""

import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from queue import Queue
from typing import Protocol
from urllib.parse import urljoin, urlsplit

import urllib3

from paylink_sandbox.deliveries import Attempt, Deliveries, Delivery
from paylink_sandbox.faults import Faults

_WORKERS = 8
_IN_HAND_MAX = 2 * _WORKERS
_ANSWER_CHARS = 500

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Signed:
    """Headers to send, and the names of the secrets that made them."""

    headers: Mapping[str, str]
    secrets: tuple[str, ...]


class WebhookRules(Protocol):
    """How one provider signs, what it takes for an answer, and when it tries again."""

    timeout_s: float
    """How long the receiver may take; real seconds, never compressed."""
    redirects_max: int
    """How many 307 and 308 answers are followed, on the receiver's own host."""

    def sign(self, delivery: Delivery, now: float) -> Signed:
        """Called at each try."""

    def accepted(self, status_code: int) -> bool:
        """Whether this answer ends the delivery."""

    def retry_after_s(self, failures: int, status_code: int | None, *, timed_out: bool) -> float | None:
        """
        Provider seconds to wait after the given number of failures; None to give up.

        status_code: None when no answer came: in time (timed_out), or at all.
        """


@dataclass(frozen=True)
class _Outcome:
    """What came of one try. Without a status, `error` says why."""

    status_code: int | None = None
    error: str | None = None
    answer: str | None = None
    timed_out: bool = False


class Sender:
    """
    One thread finds what is due, others send. A webhook that was being sent when the process died is still pending,
    so it is sent again after the next start: at least once, like a provider.
    """

    def __init__(
        self,
        deliveries: Deliveries,
        faults: Faults,
        rules: Mapping[str, WebhookRules],
        clock: Callable[[], float],
        time_scale: float,
    ) -> None:
        self._faults = faults
        self._deliveries = deliveries
        self._rules = rules
        self._clock = clock
        self._time_scale = time_scale
        self._http = urllib3.PoolManager(num_pools=4, maxsize=_WORKERS, retries=False)
        self._queue: Queue[Delivery | None] = Queue()
        self._in_hand: set[int] = set()
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._threads: list[threading.Thread] = []
        deliveries.on_change = self._wake.set

    def start(self) -> None:
        self._threads = [threading.Thread(target=self._find_due, name="webhooks-due", daemon=True)]
        self._threads += [
            threading.Thread(target=self._work, name=f"webhooks-{number}", daemon=True) for number in range(_WORKERS)
        ]
        for thread in self._threads:
            thread.start()

    def stop(self, timeout_s: float) -> None:
        """Finish what is being sent, at most `timeout_s` long. The rest stays in the table."""
        self._stopping.set()
        self._wake.set()
        for _ in range(_WORKERS):
            self._queue.put(None)
        deadline = time.monotonic() + timeout_s
        for thread in self._threads:
            thread.join(max(0, deadline - time.monotonic()))

    def _find_due(self) -> None:
        while not self._stopping.is_set():
            # Clear before looking: a wake-up that comes in between must not be lost.
            self._wake.clear()
            wait_s = 1.0
            try:
                wait_s = self._hand_out()
            except Exception:
                log.exception("cannot look for due webhooks")
            self._wake.wait(wait_s)

    def _hand_out(self) -> float:
        """Queue what is due; return how long nothing else will be."""
        now = self._clock()
        with self._lock:
            due = [d for d in self._deliveries.due(now, _IN_HAND_MAX) if d.id not in self._in_hand]
            self._in_hand.update(delivery.id for delivery in due)
        for delivery in due:
            self._queue.put(delivery)
        next_due_at = self._deliveries.next_due_at(now)
        return 1.0 if next_due_at is None else min(1.0, max(0.01, next_due_at - now))

    def _work(self) -> None:
        while (delivery := self._queue.get()) is not None:
            if self._stopping.is_set():
                continue
            try:
                self._send(delivery)
            except Exception:
                log.exception("webhook %s of %s could not be handled", delivery.event_id, delivery.provider)
            finally:
                with self._lock:
                    self._in_hand.discard(delivery.id)
                self._wake.set()

    def _send(self, delivery: Delivery) -> None:
        rules = self._rules[delivery.provider]
        at = self._clock()
        signed = rules.sign(delivery, at)
        started = time.monotonic()
        outcome = self._post(delivery, rules, signed)
        duration_ms = round((time.monotonic() - started) * 1000)
        status_code = outcome.status_code
        delivered = status_code is not None and rules.accepted(status_code)
        wait_s = None
        if not delivered:
            wait_s = rules.retry_after_s(delivery.failures + 1, status_code, timed_out=outcome.timed_out)
        retry_at = None if wait_s is None else self._clock() + wait_s / self._time_scale
        number = len(delivery.attempts) + 1
        attempt = Attempt(number, at, duration_ms, status_code, outcome.error, outcome.answer, signed.secrets)
        self._deliveries.record(delivery, attempt, retry_at, delivered)
        log.info(
            "webhook %s %s -> %s in %d ms",
            delivery.provider,
            delivery.event_type,
            status_code or outcome.error,
            duration_ms,
        )

    def _post(self, delivery: Delivery, rules: WebhookRules, signed: Signed) -> _Outcome:
        url, stop_at = delivery.url, time.monotonic() + rules.timeout_s
        try:
            for _ in range(rules.redirects_max + 1):
                response = self._http.request(
                    "POST",
                    url,
                    body=delivery.body,
                    headers=dict(signed.headers),
                    redirect=False,
                    timeout=urllib3.Timeout(total=max(0.1, stop_at - time.monotonic())),
                )
                target = urljoin(url, response.headers.get("Location", ""))
                if response.status not in (307, 308) or urlsplit(target).netloc != urlsplit(url).netloc:
                    break
                url = target
        except (urllib3.exceptions.HTTPError, OSError) as exc:
            # urllib3 begins with the connection object, which says nothing new.
            reason = str(exc).partition("): ")[2] or str(exc)
            error = f"{type(exc).__name__}: {reason}"[:_ANSWER_CHARS]
            return _Outcome(error=error, timed_out=isinstance(exc, urllib3.exceptions.ReadTimeoutError))
        if self._faults.take("webhook_timeout", delivery.provider, delivery.event_type):
            return _Outcome(error="its answer counts as too late (fault knob)", timed_out=True)
        return _Outcome(response.status, answer=response.data[:_ANSWER_CHARS].decode("utf-8", "replace"))
