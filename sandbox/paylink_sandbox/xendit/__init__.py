"""A simulator of Xendit: invoices (v2) and what follows from them."""

from paylink_sandbox.xendit.simulator import XenditSimulator as SIMULATOR

__all__ = ["SIMULATOR"]
