"""Deployment settings of the Xendit adapter, and the credentials that an account needs."""

from collections.abc import Mapping
from dataclasses import dataclass

from paylink.providers.port import CredentialField
from paylink.providers.settings import read_api_base

LIVE_API_BASE = "https://api.xendit.co"
"""For test and live alike: the secret key decides the mode."""

SECRET_KEY = CredentialField("secret_key", "PAYLINK_XENDIT_SECRET_KEY", "xnd_development_")
CALLBACK_TOKEN = CredentialField("callback_token", "PAYLINK_XENDIT_CALLBACK_TOKEN", "xnd_cb_")


@dataclass(frozen=True)
class XenditSettings:
    api_base: str

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> "XenditSettings":
        """
        Read `PAYLINK_XENDIT_API_BASE`.

        Raises:
            ValueError: The address is not https; plain http is allowed to this machine, outside production.
        """
        return cls(api_base=read_api_base(environ, "PAYLINK_XENDIT_API_BASE", live=LIVE_API_BASE))
