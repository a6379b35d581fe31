"""A provider's side of webhooks: sends at a steady rate, tries again what is refused, and remembers every 2xx."""

import heapq
import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import urllib3

from chaos.events import Webhook

_THREADS = 32
_TIMEOUT_S = 10.0
_BACKOFF_FIRST_S = 0.5
_BACKOFF_MAX_S = 4.0
_TWICE_AFTER_S = 0.2
NO_ANSWER = 0
"""Stands for the status of a try whose connection was refused or cut, or which took over ten seconds."""


@dataclass
class Sent:
    """
    What the sender knows of one event.

    accepted: how often the answer was a 2xx. first_at: time of day of its first try, in seconds. slowest_s: how long
    its slowest try took, answered or not.
    wanted: how many acceptances it is to have; each tenth event is sent once more after its first.
    """

    webhook: Webhook
    wanted: int
    first_at: float | None = None
    accepted: int = 0
    tries: int = 0
    slowest_s: float = 0.0
    statuses: Counter[int] = field(default_factory=Counter)


class Sender:
    """Runs for the time of its `with` block; `offer` starts new events, `finish` waits until all are accepted."""

    def __init__(self, api: str) -> None:
        self._api = api
        self._pool = urllib3.PoolManager(maxsize=_THREADS, retries=False, timeout=_TIMEOUT_S)
        self._due: list[tuple[float, int, Sent]] = []
        self._changed = threading.Condition()
        self._offered: list[Sent] = []
        self._in_hand = 0
        self._serial = 0
        self._over = False
        self._threads = [threading.Thread(target=self._work, daemon=True) for _ in range(_THREADS)]

    @property
    def sent(self) -> list[Sent]:
        """All that was tried at least once."""
        with self._changed:
            return [sent for sent in self._offered if sent.tries]

    def __enter__(self) -> "Sender":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        with self._changed:
            self._over = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join()

    def offer(self, webhooks: Iterable[Webhook], per_s: float, until: threading.Event) -> None:
        """Start one new event after the other, `per_s` a second, until the event is set or there are no more."""
        begun = time.monotonic()
        for number, webhook in enumerate(webhooks):
            if until.wait(max(0.0, begun + number / per_s - time.monotonic())):
                return
            sent = Sent(webhook, wanted=2 if number % 10 == 0 else 1)
            self._offered.append(sent)
            self._put(sent, 0.0)

    def finish(self, within_s: float) -> bool:
        """Wait until every event that was offered is accepted; tell whether that came true."""
        stop_at = time.monotonic() + within_s
        with self._changed:
            while (self._due or self._in_hand) and time.monotonic() < stop_at:
                self._changed.wait(0.2)
            return not self._due and not self._in_hand

    def _put(self, sent: Sent, delay_s: float) -> None:
        with self._changed:
            self._serial += 1
            heapq.heappush(self._due, (time.monotonic() + delay_s, self._serial, sent))
            self._changed.notify()

    def _work(self) -> None:
        for sent in self._taken():
            began = time.monotonic()
            status = self._post(sent)
            with self._changed:
                sent.slowest_s = max(sent.slowest_s, time.monotonic() - began)
                sent.tries += 1
                sent.statuses[status] += 1
                good = 200 <= status < 300
                sent.accepted += good
                refused = sent.tries - sent.accepted
            if sent.accepted < sent.wanted:
                backoff_s = min(_BACKOFF_MAX_S, _BACKOFF_FIRST_S * 2 ** min(refused, 6))
                self._put(sent, _TWICE_AFTER_S if good else backoff_s)
            with self._changed:
                self._in_hand -= 1

    def _taken(self) -> Iterator[Sent]:
        """Take what is due, the oldest first, until the block of the sender ends."""
        while True:
            with self._changed:
                while not self._over and (not self._due or self._due[0][0] > time.monotonic()):
                    self._changed.wait(max(0.001, self._due[0][0] - time.monotonic()) if self._due else 1.0)
                if self._over:
                    return
                sent = heapq.heappop(self._due)[2]
                self._in_hand += 1
            yield sent

    def _post(self, sent: Sent) -> int:
        sent.first_at = sent.first_at or time.time()
        webhook = sent.webhook
        try:
            answer = self._pool.request(
                "POST", self._api + webhook.path, body=webhook.body, headers=dict(webhook.headers())
            )
        except (urllib3.exceptions.HTTPError, OSError):
            return NO_ANSWER
        return int(answer.status)
