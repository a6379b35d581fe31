"""How much is measured."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Effort:
    alternations: int
    transactions: int
    """In each run whose speed is measured."""
    stored: int
    """Transactions among which a run's are chosen."""
    plans: int
    crowds: tuple[int, ...]
    """Transactions, and settlement lines, of the runs whose memory is measured, from few to many."""
    crowd_s: float
    """A run of a crowd is watched for so long at most."""


FULL = Effort(
    alternations=9,
    transactions=4_000,
    stored=2_000_000,
    plans=21,
    crowds=(10_000, 100_000, 1_000_000),
    crowd_s=60,
)
# Every row once through: too little to be judged.
QUICK = Effort(alternations=2, transactions=400, stored=20_000, plans=3, crowds=(500, 2_000), crowd_s=20)
