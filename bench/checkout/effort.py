"""How much is measured."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Effort:
    """Times in seconds, of one run each."""

    checkout_runs: int
    checkout_s: float
    transactions: int
    """Stored ones, of which each is read in turn."""
    alternations: int
    seconds: float
    starts: int
    """Of each function."""


FULL = Effort(checkout_runs=3, checkout_s=60, transactions=20_000, alternations=9, seconds=4, starts=9)
# Every row once through: too little to be judged.
QUICK = Effort(checkout_runs=2, checkout_s=2, transactions=500, alternations=2, seconds=1, starts=2)
