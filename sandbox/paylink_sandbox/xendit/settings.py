"""Credentials of the simulated Xendit account."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from paylink_sandbox.errors import ConfigError

KEY_FROM = "PAYLINK_XENDIT_SECRET_KEY"
CALLBACK_FROM = "PAYLINK_XENDIT_CALLBACK_TOKEN"
"""Names of the variables that hold the credentials."""


@dataclass(frozen=True)
class Settings:
    """
    While a credential is rolled its variable holds both values, comma separated, the new one first.

    secret_keys: each authenticates. callback_token: the one that webhooks carry; the account has a single token, so
    the new one replaces the old one at once.
    """

    secret_keys: tuple[str, ...] = field(repr=False)
    callback_token: str = field(repr=False)

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "Settings":
        """Raises ConfigError."""
        keys, tokens = _values(environment, KEY_FROM), _values(environment, CALLBACK_FROM)
        if not keys or not all(key.startswith("xnd_development_") for key in keys):
            raise ConfigError(f"{KEY_FROM} must be a test key (xnd_development_...)")
        if not tokens:
            raise ConfigError(f"{CALLBACK_FROM} is missing")
        if not all(token.isascii() and token.isprintable() and " " not in token for token in tokens):
            raise ConfigError(f"{CALLBACK_FROM} must be plain characters without spaces")
        return cls(keys, tokens[0])


def _values(environment: Mapping[str, str], name: str) -> tuple[str, ...]:
    return tuple(value for value in (part.strip() for part in environment.get(name, "").split(",")) if value)
