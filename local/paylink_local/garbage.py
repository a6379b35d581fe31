"""The garbage collector of a process that serves for long."""

import gc

_NEW_OBJECTS = 20_000


def settle() -> None:
    """
    Call once everything is loaded: what is there by now stays, and need not be looked through again and again.

    Requests leave hardly any cycles, so the collector comes rarely. It took a tenth of the gateway's time before.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_NEW_OBJECTS, 20, 20)
