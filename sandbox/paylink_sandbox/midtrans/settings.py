"""Credentials of the simulated Midtrans account."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from paylink_sandbox.errors import ConfigError

SERVER_KEY = "PAYLINK_MIDTRANS_SERVER_KEY"

_LIVE_PREFIX = "Mid-server-"
# The key is a user name of HTTP Basic, which ends at the first colon.
_KEY = re.compile(r"[!-9;-~]+")


@dataclass(frozen=True)
class Settings:
    """server_keys: those that a caller may use; two while a key is being rolled. The first one signs."""

    server_keys: tuple[str, ...] = field(repr=False)

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "Settings":
        """
        Raises:
            ConfigError: No key, one that cannot be sent, or a production key. Sandbox keys need not begin with `SB-`:
                real ones have been seen without it.
        """
        keys = tuple(key.strip() for key in environment.get(SERVER_KEY, "").split(",") if key.strip())
        if not keys:
            raise ConfigError(f"{SERVER_KEY} is missing (SB-Mid-server-...)")
        if any(key.startswith(_LIVE_PREFIX) for key in keys):
            raise ConfigError(f"{SERVER_KEY} looks like a production key ({_LIVE_PREFIX}...): it has no place here")
        if not all(_KEY.fullmatch(key) for key in keys):
            raise ConfigError(f"{SERVER_KEY} has characters that no server key has")
        return cls(keys)
