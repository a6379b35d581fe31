"""Stripe Checkout Sessions."""

from collections.abc import Mapping

from paylink.providers.port import Provider
from paylink.providers.stripe.adapter import StripeProvider
from paylink.providers.stripe.settings import StripeSettings


def build(environ: Mapping[str, str]) -> Provider:
    return StripeProvider(StripeSettings.from_environ(environ))
