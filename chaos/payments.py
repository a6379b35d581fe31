"""Real payments through the sandbox: a merchant who tries again, and a payer who presses the button."""

import json
import threading
import time
import uuid
from collections.abc import Mapping
from itertools import count
from typing import Any
from urllib.parse import urlsplit

import urllib3

from chaos.events import AMOUNT
from chaos.stack import Stack

PROVIDERS = ("stripe", "midtrans", "xendit")
_PAUSE_S = 0.5
_TIMEOUT_S = 25.0
_TRY_AGAIN = (409, 429)
"""Refusals that pass: the same request is still running, or there were too many."""


class NotDone(Exception):
    """The other side did not do it in time, however often it was asked."""


class Shop:
    """Makes checkouts and pays them. Safe to use from several threads."""

    def __init__(self, stack: Stack, *, patience_s: float) -> None:
        self._stack = stack
        self._patience_s = patience_s
        self._key = {"Authorization": f"Bearer {stack.environ['PAYLINK_DEMO_MERCHANT_KEY']}"}
        self._pool = urllib3.PoolManager(maxsize=8, retries=False, timeout=_TIMEOUT_S)
        self._numbers = count(1)

    def buy(self, provider: str) -> None:
        """Make a checkout and pay it, unless the payer was faster than the answer."""
        if url := self.checkout(provider):
            self.press(self.page(url), "pay")

    def checkout(self, provider: str) -> str | None:
        """
        Return the address of a new page, None when it is over already. A refusal is met with the same request again,
        under the same idempotency key.

        Raises:
            NotDone: There was none in time.
        """
        order = {
            "provider": provider,
            "amount": AMOUNT,
            "currency": "IDR",
            "order_reference": f"shop-{next(self._numbers)}",
            "success_url": "https://example.com/thanks",
        }
        headers = self._key | {"Idempotency-Key": uuid.uuid4().hex}
        answer = self._insist("POST", f"{self._stack.api}/v1/checkout", order, headers, done=(200, 201))
        url: str | None = answer["checkout_url"]
        return url

    def page(self, url: str | None) -> dict[str, Any]:
        """
        Raises:
            NotDone: The sandbox knows no such page.
        """
        for page in self.ledger()["pages"]:
            if page["url"] == url:
                return dict(page)
        raise NotDone(f"no page {url}")

    def press(self, page: Mapping[str, Any], action: str) -> None:
        """Press a button of a page; when the page is paid or over already, nothing happens."""
        path = f"/_sandbox/{page['provider']}/pages/{page['id']}/{action}"
        self._insist("POST", self._stack.sandbox + path, done=(200, 409))

    def reconcile(self) -> dict[str, Any]:
        """Run one reconciliation of the merchant's open transactions; return its report."""
        return self._insist("POST", f"{self._stack.api}/v1/reconcile", headers=self._key, done=(200,))

    def arm(self, kind: str, **parameters: object) -> None:
        """Turn on a fault knob of the sandbox."""
        self._insist("PUT", f"{self._stack.sandbox}/_sandbox/faults", {"kind": kind, **parameters}, done=(200,))

    def disarm(self) -> None:
        """Turn off all of them."""
        self._insist("DELETE", f"{self._stack.sandbox}/_sandbox/faults", done=(200,))

    def ledger(self) -> dict[str, Any]:
        return self._insist("GET", f"{self._stack.sandbox}/_sandbox/ledger", done=(200,))

    def deliveries(self) -> list[dict[str, Any]]:
        """Return every webhook of the sandbox with its tries."""
        answer = self._insist("GET", f"{self._stack.sandbox}/_sandbox/deliveries", done=(200,))
        return list(answer["deliveries"])

    def _insist(
        self,
        method: str,
        url: str,
        body: object = None,
        headers: Mapping[str, str] | None = None,
        *,
        done: tuple[int, ...],
    ) -> dict[str, Any]:
        stop_at = time.monotonic() + self._patience_s
        said = "nothing"
        while time.monotonic() < stop_at:
            try:
                raw = None if body is None else json.dumps(body)
                answer = self._pool.request(method, url, body=raw, headers=dict(headers or {}))
                if answer.status in done:
                    return dict(json.loads(answer.data))
                said = _told(answer)
                if 400 <= answer.status < 500 and answer.status not in _TRY_AGAIN:
                    break
            except (urllib3.exceptions.HTTPError, OSError) as exc:
                said = type(exc).__name__
            time.sleep(_PAUSE_S)
        raise NotDone(f"{method} {urlsplit(url).path} answered {said}")


def _told(answer: urllib3.BaseHTTPResponse) -> str:
    """Return the status of a refusal, with the problem's name where it has one."""
    try:
        return f"{answer.status} {json.loads(answer.data)['type'].rpartition('/')[2]}"
    except (ValueError, KeyError, TypeError, AttributeError):
        return str(answer.status)


def keep_buying(shop: Shop, per_s: float, until: threading.Event, failures: list[str]) -> None:
    """Buy at each provider in turn until the event is set. What could not be done in time is told in `failures`."""
    for number in count():
        if until.wait(1 / per_s):
            return
        try:
            shop.buy(PROVIDERS[number % len(PROVIDERS)])
        except NotDone as exc:
            failures.append(str(exc))
