"""How much of something is allowed."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Limit:
    """A token bucket: `rate` tokens per second flow in, up to `burst`."""

    rate: float
    burst: int
