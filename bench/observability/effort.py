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
    once: int
    """Requests after each of which the hooks of one are timed, in one of several rounds."""
    timed: int
    """Times that each kind of hook is timed, in one of several rounds."""


FULL = Effort(alternations=21, webhooks=100, checkouts=100, counted=20, once=100, timed=200_000)
# Every row once through: too little to be judged.
QUICK = Effort(alternations=2, webhooks=20, checkouts=5, counted=3, once=10, timed=2_000)
