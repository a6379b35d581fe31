"""Deployment settings of the Midtrans adapter, and the credential that an account needs."""

from collections.abc import Mapping
from dataclasses import dataclass

from paylink.providers.port import CredentialField
from paylink.providers.settings import read_api_base

LIVE_API_BASE = "https://api.midtrans.com"
_SNAP_BASES = {
    LIVE_API_BASE: "https://app.midtrans.com/snap/v1",
    "https://api.sandbox.midtrans.com": "https://app.sandbox.midtrans.com/snap/v1",
}

SERVER_KEY = CredentialField("server_key", "PAYLINK_MIDTRANS_SERVER_KEY", "SB-Mid-server-")
"""Authenticates our calls, and is the secret in the signature of every webhook."""


@dataclass(frozen=True)
class MidtransSettings:
    """`api_base` is the address of the Core API; Snap has one of its own."""

    api_base: str
    snap_base: str

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> "MidtransSettings":
        """
        Read `PAYLINK_MIDTRANS_API_BASE`, from which the address of Snap follows.

        Raises:
            ValueError: The address is not https; plain http is allowed to this machine, outside production.
        """
        base = read_api_base(environ, "PAYLINK_MIDTRANS_API_BASE", live=LIVE_API_BASE)
        return cls(api_base=base, snap_base=_SNAP_BASES.get(base, f"{base}/snap/v1"))
