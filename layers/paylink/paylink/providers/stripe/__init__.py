"""Stripe Checkout Sessions."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from paylink.providers.stripe.settings import StripeSettings

if TYPE_CHECKING:
    from paylink.providers.port import Provider

read_settings = StripeSettings.from_environ


def build(environ: Mapping[str, str]) -> "Provider":
    # Intake, which needs `signature` alone, does not pay for it.
    from paylink.providers.stripe.adapter import StripeProvider

    return StripeProvider(read_settings(environ))
