"""Xendit payment links (Invoice API, version 2)."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from paylink.providers.xendit.settings import XenditSettings

if TYPE_CHECKING:
    from paylink.providers.port import Provider

read_settings = XenditSettings.from_environ


def build(environ: Mapping[str, str]) -> "Provider":
    # Intake, which needs `signature` alone, does not pay for it.
    from paylink.providers.xendit.adapter import XenditProvider

    return XenditProvider(read_settings(environ))
