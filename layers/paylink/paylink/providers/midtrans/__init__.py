"""Midtrans: Snap payment pages, and the Core API for what comes after."""

from collections.abc import Mapping

from paylink.providers.midtrans.adapter import MidtransProvider
from paylink.providers.midtrans.settings import MidtransSettings
from paylink.providers.port import Provider


def build(environ: Mapping[str, str]) -> Provider:
    return MidtransProvider(MidtransSettings.from_environ(environ))
