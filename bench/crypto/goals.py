"""The goals, and whether a figure meets one."""

from dataclasses import dataclass

from bench.common.summary import Spread

# Goal 1: times faster than the standard library at a message of so many bytes.
VERIFY_AT_LEAST = {64: 8.0, 512: 3.8, 1024: 2.7, 2048: 1.9, 16 * 1024: 1.12, 1024 * 1024: 0.99}
# Goal 2: up to FLOOR_NEAR_BYTES so little over the floor, from FLOOR_FAR_BYTES on so large a share of it.
FLOOR_NEAR_BYTES = 2048
FLOOR_EXCESS_NS_AT_MOST = 60.0
FLOOR_FAR_BYTES = 16 * 1024
FLOOR_SHARE_AT_LEAST = 0.97
# Goal 3
HEADER_AT_LEAST = 5.0
CONCAT_AT_LEAST = 2.7
TOKEN_AT_LEAST = 1.4
# Goal 4
BATCH_AT_LEAST = 2.9
BATCH_AT_LEAST_WITH_LANES = 7.0
# Goal 5
TAIL_US_AT_MOST = 5.0


@dataclass(frozen=True)
class Verdict:
    """One figure of a goal. It is the median that is judged."""

    goal: int
    what: str
    figure: Spread
    limit: float
    unit: str
    at_least: bool = True

    @property
    def met(self) -> bool:
        return self.figure.median >= self.limit if self.at_least else self.figure.median <= self.limit

    @property
    def wanted(self) -> str:
        return f"{'>=' if self.at_least else '<='} {self.limit:g} {self.unit}"


def exit_status(verdicts: list[Verdict], decisive: bool) -> int:
    return int(decisive and not all(verdict.met for verdict in verdicts))
