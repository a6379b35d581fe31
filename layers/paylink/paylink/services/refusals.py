"""
Webhooks that are refused: each is counted and told of, at a cost that strangers cannot raise.

Nothing here makes a later webhook harder to deliver, whatever its source did before.
"""

import logging
import os
import re
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from uuid import UUID

from paylink.core.errors import MalformedRequest, NotFound, PayLinkError, PayloadTooLarge, SignatureRefused
from paylink.core.secret import Secret
from paylink.providers.port import Account, Credential, WebhookRefused
from paylink.services.line_budget import LineBudget
from paylink.services.ports import Parts
from paylink.store.refusal_counts import RefusalCounts

TOO_LARGE = "too_large"
UNKNOWN_ACCOUNT = "unknown_account"
UNKNOWN_PROVIDER = "unknown_provider"
OUTSIDE_WINDOW = "outside_window"
"""What adapters call a webhook that is rightly signed, too long ago or too far ahead of our clock."""

BODY_SIZE_MAX = 512 * 1024
CLOCK_ALERT_EVERY_S = 60.0

_NOBODY = "-"
ANSWERS: Mapping[str, tuple[type[PayLinkError], str]] = {
    TOO_LARGE: (PayloadTooLarge, f"a webhook has at most {BODY_SIZE_MAX} bytes"),
    UNKNOWN_PROVIDER: (NotFound, "no such provider is enabled here"),
    "unreadable": (MalformedRequest, "the body is not an event"),
}
"""By reason; any other reason is a SignatureRefused without a detail."""
_ACCOUNT_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}\Z", re.ASCII)
_log = logging.getLogger("paylink")


class Refusals:
    """Safe to share between threads. `close` when the process stops."""

    def __init__(
        self, parts: Parts, monotonic: Callable[[], float] = time.monotonic, *, counted_by_caller: bool = False
    ) -> None:
        """counted_by_caller: the counts are written by who refuses, not by a thread; see `Gathering`."""
        self._parts = parts
        self._monotonic = monotonic
        self._counts = RefusalCounts(parts.database, by_caller=counted_by_caller)
        self._lines = LineBudget(monotonic)
        self._lock = threading.Lock()
        self._clock_alerts: dict[UUID, float] = {}
        self._nobodys_secret = Secret(os.urandom(32).hex())

    def close(self) -> None:
        self._counts.close()

    def refuse(self, provider: str, account: Account | None, reason: str, source: str) -> PayLinkError:
        """Count a refusal, tell of it, and return the error to raise."""
        self._note(provider, account, reason, source)
        error, detail = ANSWERS.get(reason, (SignatureRefused, ""))
        return error(detail)

    def refuse_unknown_provider(self, source: str) -> PayLinkError:
        """As `refuse`. Strangers choose the name, so nothing is counted or told under it."""
        return self.refuse(_NOBODY, None, UNKNOWN_PROVIDER, source)

    def refuse_unknown_account(
        self, slug: str, name: str | None, raw_body: bytes, headers: Mapping[str, str], source: str
    ) -> PayLinkError:
        """As `refuse`, after the work that an account's check costs: the time tells nothing about it either."""
        signature = self._parts.signatures[slug]
        nobodys = [Credential(UUID(int=0), signature.secret_field, self._nobodys_secret)]
        with suppress(WebhookRefused):
            signature.verify(raw_body, headers, nobodys, self._parts.now())
        self._note(slug, None, UNKNOWN_ACCOUNT, source, asked_for=name)
        return SignatureRefused()

    def _note(
        self, provider: str, account: Account | None, reason: str, source: str, asked_for: str | None = None
    ) -> None:
        self._counts.add(provider, account.id if account else None, reason)
        held_back = self._lines.take(source)
        if held_back is not None:
            name = account.name if account else asked_for if asked_for and _ACCOUNT_NAME.match(asked_for) else _NOBODY
            facts = {"provider": provider, "account": name, "reason": str(reason), "source": source}
            _log.warning("webhook refused", extra=facts | {"held_back": held_back})
        if reason == OUTSIDE_WINDOW and account and self._is_clock_alert_due(account.id):
            self._parts.alerts.alert("clock_skew", account_id=account.id, provider=provider, source=source)

    def _is_clock_alert_due(self, account_id: UUID) -> bool:
        now = self._monotonic()
        with self._lock:
            if now - self._clock_alerts.get(account_id, -CLOCK_ALERT_EVERY_S) < CLOCK_ALERT_EVERY_S:
                return False
            self._clock_alerts[account_id] = now
            return True
