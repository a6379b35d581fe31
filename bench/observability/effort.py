"""How much is measured."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Effort:
    """`alternations`: of blocks of requests, one of each mode in turn."""

    alternations: int
    webhooks: int
    """In a block."""
    checkouts: int
    """In a block."""
    counted: int
    """Requests whose hooks are counted, of each kind."""
    timed: int
    """Times that each kind of hook is timed, in one of several rounds."""


FULL = Effort(alternations=21, webhooks=100, checkouts=100, counted=20, timed=200_000)
# Every row once through: too little to be judged.
QUICK = Effort(alternations=2, webhooks=20, checkouts=5, counted=3, timed=2_000)
