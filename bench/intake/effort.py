"""How much is measured."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Effort:
    """Times in seconds, of one run each."""

    alternations: int
    seconds: float
    latency_s: float
    latency_runs: int
    burst_s: float
    recoveries: int
    keeps_up: float
    """A steady state applies at this share, at least, of the rate at which events come."""
    search_runs: int
    """Rates that are tried to find the steady one."""
    stored_events: int
    stored_transactions: int


FULL = Effort(
    alternations=9,
    seconds=4,
    latency_s=10,
    latency_runs=3,
    burst_s=60,
    recoveries=3,
    keeps_up=0.95,
    search_runs=8,
    stored_events=5_000_000,
    stored_transactions=2_000_000,
)
# Every row once through: too little to be judged.
QUICK = Effort(
    alternations=2,
    seconds=1,
    latency_s=1.5,
    latency_runs=2,
    burst_s=3,
    recoveries=1,
    keeps_up=0.5,
    search_runs=2,
    stored_events=10_000,
    stored_transactions=4_000,
)
