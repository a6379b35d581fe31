"""Deployment settings of the Stripe adapter, and the credentials that an account needs."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from paylink.providers.port import CredentialField

LIVE_API_BASE = "https://api.stripe.com"
API_VERSION = "2026-06-24.dahlia"
"""Pinned on every request; set the same version on the webhook endpoint in the dashboard."""

SECRET_KEY = CredentialField("secret_key", "PAYLINK_STRIPE_SECRET_KEY", "sk_test_")
WEBHOOK_SECRET = CredentialField("webhook_secret", "PAYLINK_STRIPE_WEBHOOK_SECRET", "whsec_")


@dataclass(frozen=True)
class StripeSettings:
    api_base: str

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> "StripeSettings":
        """
        Read `PAYLINK_STRIPE_API_BASE`.

        Raises:
            ValueError: The address is not https; plain http is allowed to this machine, outside production.
        """
        base = environ.get("PAYLINK_STRIPE_API_BASE", LIVE_API_BASE)
        parts = urlsplit(base)
        local = parts.hostname in ("localhost", "127.0.0.1", "::1", "sandbox")
        if environ.get("PAYLINK_ENVIRONMENT") == "production" and base != LIVE_API_BASE:
            raise ValueError(f"PAYLINK_STRIPE_API_BASE: production talks to {LIVE_API_BASE} only")
        if parts.scheme != "https" and not (parts.scheme == "http" and local):
            raise ValueError("PAYLINK_STRIPE_API_BASE: an https address is needed")
        return cls(api_base=base)
