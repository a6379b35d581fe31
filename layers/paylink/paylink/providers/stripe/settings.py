"""Deployment settings of the Stripe adapter, and the credentials that an account needs."""

from collections.abc import Mapping
from dataclasses import dataclass

from paylink.providers.port import CredentialField
from paylink.providers.settings import read_api_base

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
        return cls(api_base=read_api_base(environ, "PAYLINK_STRIPE_API_BASE", live=LIVE_API_BASE))
