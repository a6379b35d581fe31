"""Xendit payment links (Invoice API, version 2)."""

from collections.abc import Mapping

from paylink.providers.port import Provider
from paylink.providers.xendit.adapter import XenditProvider
from paylink.providers.xendit.settings import XenditSettings


def build(environ: Mapping[str, str]) -> Provider:
    return XenditProvider(XenditSettings.from_environ(environ))
