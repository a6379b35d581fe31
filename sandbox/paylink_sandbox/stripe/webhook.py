"""How Stripe signs webhooks and tries again."""

import hashlib
import hmac
from collections.abc import Iterable, Mapping

from paylink_sandbox.deliveries import Delivery
from paylink_sandbox.webhooks import Signed

# Stripe publishes no steps, only "exponential backoff, up to three days" for live mode. These take 71.6 hours.
_RETRY_HOURS = (1 / 12, 1 / 2, 1, 2, 4, 8, 16, 16, 16, 8)


class StripeWebhooks:
    """Signed anew at each try, so that a late retry still lies within the receiver's time window."""

    timeout_s = 10.0
    redirects_max = 0

    def __init__(self, secrets: Mapping[str, str]) -> None:
        self._secrets = secrets

    def sign(self, delivery: Delivery, now: float) -> Signed:
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "User-Agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
            "Stripe-Signature": signature_header(self._secrets.values(), delivery.body, int(now)),
        }
        return Signed(headers, tuple(self._secrets))

    def accepted(self, status_code: int) -> bool:
        return 200 <= status_code < 300

    def retry_after_s(self, failures: int, status_code: int | None, *, timed_out: bool) -> float | None:
        del status_code, timed_out
        return _RETRY_HOURS[failures - 1] * 3600 if failures <= len(_RETRY_HOURS) else None


def signature_header(secrets: Iterable[str], body: bytes, timestamp: int) -> str:
    """`t=...,v1=...` with one v1 for each secret. The key is the whole secret, `whsec_` included."""
    payload = f"{timestamp}.".encode() + body
    tags = (hmac.new(secret.encode(), payload, hashlib.sha256).hexdigest() for secret in secrets)
    return ",".join([f"t={timestamp}", *(f"v1={tag}" for tag in tags)])
