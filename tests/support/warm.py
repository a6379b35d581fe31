"""Imported once by the process from which the dying ones are forked: all that they need is loaded by then."""

from importlib import import_module

from paylink.providers.registry import provider_slugs
from support.stack import load_functions

# Those that wiring imports on first use, which would be after the fork.
for name in ("checkout", "intake", "processing", "relay", "refunds", "cancellation", "capturing", "resolution"):
    import_module(f"paylink.services.{name}")
for slug in provider_slugs():
    import_module(f"paylink.providers.{slug}")

FUNCTIONS, ROUTER = load_functions()
