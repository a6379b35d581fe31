"""Credentials of the simulated Stripe account."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from paylink_sandbox.errors import ConfigError

API_VERSION = "2026-10-28.endive"
"""The account's default, and the version of its webhook endpoint."""


@dataclass(frozen=True)
class Settings:
    """webhook_secrets: by the name of the variable that holds each; two while a secret is being rolled."""

    secret_key: str = field(repr=False)
    webhook_secrets: Mapping[str, str] = field(repr=False)

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "Settings":
        """Raises ConfigError."""
        secret_key = environment.get("PAYLINK_STRIPE_SECRET_KEY", "")
        names = ("PAYLINK_STRIPE_WEBHOOK_SECRET_PREVIOUS", "PAYLINK_STRIPE_WEBHOOK_SECRET")
        secrets = {name: environment[name] for name in names if environment.get(name)}
        if not secret_key.startswith(("sk_test_", "rk_test_")):
            raise ConfigError("PAYLINK_STRIPE_SECRET_KEY must be a test key (sk_test_...)")
        if "PAYLINK_STRIPE_WEBHOOK_SECRET" not in secrets:
            raise ConfigError("PAYLINK_STRIPE_WEBHOOK_SECRET is missing (whsec_...)")
        if not all(secret.startswith("whsec_") for secret in secrets.values()):
            raise ConfigError("Stripe webhook secrets begin with whsec_")
        return cls(secret_key, secrets)
