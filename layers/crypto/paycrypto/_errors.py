"""What a refused signature looks like to Python."""

from enum import StrEnum


class Reason(StrEnum):
    """Why a signature was refused. The values are stable: they go to logs and metrics."""

    MALFORMED = "malformed"
    """Not in the canonical form of the scheme; nothing was compared."""
    NO_MATCH = "no_match"
    """Well formed, but made with none of the live secrets, or over other bytes."""
    OUTSIDE_WINDOW = "outside_window"
    """Made with a live secret, but too old or too far ahead."""


class InvalidSignature(Exception):
    """
    A signature, digest, token or sealed text was refused.

    Carries only the reason, never any of the input, so it is safe to log.
    """

    reason: Reason

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = Reason(reason)
