"""A simulator of Midtrans: Snap payment pages and the Core API calls that follow from them."""

from paylink_sandbox.midtrans.simulator import MidtransSimulator as SIMULATOR

__all__ = ["SIMULATOR"]
