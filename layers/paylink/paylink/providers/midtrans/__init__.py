"""Midtrans: Snap payment pages, and the Core API for what comes after."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from paylink.providers.midtrans.settings import MidtransSettings

if TYPE_CHECKING:
    from paylink.providers.port import Provider

read_settings = MidtransSettings.from_environ


def build(environ: Mapping[str, str]) -> "Provider":
    # Intake, which needs `signature` alone, does not pay for it.
    from paylink.providers.midtrans.adapter import MidtransProvider

    return MidtransProvider(read_settings(environ))
