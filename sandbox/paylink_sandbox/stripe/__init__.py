"""A simulator of Stripe: Checkout Sessions and what follows from them."""

from paylink_sandbox.stripe.simulator import StripeSimulator as SIMULATOR

__all__ = ["SIMULATOR"]
