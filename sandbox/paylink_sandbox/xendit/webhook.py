"""How Xendit authorises webhooks and tries again. Source: Xendit documentation, webhooks."""

from paylink_sandbox.deliveries import Delivery
from paylink_sandbox.webhooks import Signed
from paylink_sandbox.xendit.settings import CALLBACK_FROM

_RETRIES_AT_S = (15 * 60, 3600, 3 * 3600, 6 * 3600, 12 * 3600, 24 * 3600)
"""When the six retries come, counted from the first try."""


class XenditWebhooks:
    """The token is the account's and says nothing about the body; `webhook-id` names the event on every try."""

    timeout_s = 30.0
    redirects_max = 0

    def __init__(self, callback_token: str) -> None:
        self._token = callback_token

    def sign(self, delivery: Delivery, now: float) -> Signed:
        del now
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "Xendit/1.0",
            "x-callback-token": self._token,
            "webhook-id": delivery.event_id,
        }
        return Signed(headers, (CALLBACK_FROM,))

    def accepted(self, status_code: int) -> bool:
        return 200 <= status_code < 300

    def retry_after_s(self, failures: int, status_code: int | None, *, timed_out: bool) -> float | None:
        """A delivery that timed out is not tried again: only the merchant can have it resent."""
        del status_code
        if timed_out or failures > len(_RETRIES_AT_S):
            return None
        return float(_RETRIES_AT_S[failures - 1] - (0, *_RETRIES_AT_S)[failures - 1])
