"""When a run counts."""

VOID = 3
"""The exit status when it does not."""


class Void(Exception):
    """The run proves nothing: something was lost, doubled or refused, or did not happen."""
