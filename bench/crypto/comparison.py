"""One question that is measured: ours against others, doing the same work in the same rounds."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from bench.common.summary import Spread, ratio_spread, spread
from bench.crypto import floor
from bench.crypto.goals import (
    FLOOR_EXCESS_NS_AT_MOST,
    FLOOR_FAR_BYTES,
    FLOOR_NEAR_BYTES,
    FLOOR_SHARE_AT_LEAST,
    Verdict,
)
from bench.crypto.timing import Effort, measure

OURS = "paycrypto"


@dataclass(frozen=True)
class Comparison:
    """
    Statements by name, of which `OURS` is one and the first of the others is what a goal speaks of.

    With `message_bytes` the floor is measured too, that of an HMAC over such a message.
    """

    what: str
    statements: Mapping[str, str]
    scope: Mapping[str, Any]
    goal: int | None = None
    at_least: float = 0.0
    message_bytes: int | None = None

    @property
    def others(self) -> list[str]:
        return [name for name in self.statements if name != OURS]

    def run(self, effort: Effort) -> "Outcome":
        statements, scope = dict(self.statements), dict(self.scope)
        if self.message_bytes is not None:
            statements |= floor.STATEMENTS
            scope |= floor.scope(self.message_bytes)
        return Outcome(self, measure(statements, scope, effort))


@dataclass(frozen=True)
class Outcome:
    """A comparison with the seconds of each statement, round by round."""

    comparison: Comparison
    samples: Mapping[str, list[float]] = field(repr=False)

    def time_ns(self, name: str) -> Spread:
        return spread(self.samples[name]).scaled(1e9)

    def times_faster(self, other: str) -> Spread:
        return ratio_spread(self.samples[other], self.samples[OURS])

    def block_ns(self) -> Spread:
        return spread(self._block_times()).scaled(1e9)

    def floor_ns(self) -> float:
        return self.block_ns().median * floor.hmac_blocks(self._message_bytes())

    def verdicts(self) -> list[Verdict]:
        """The figures of this comparison that a goal speaks of."""
        compared, found = self.comparison, []
        if compared.goal is not None:
            other = compared.others[0]
            ratio = self.times_faster(other)
            found.append(Verdict(compared.goal, f"{compared.what} against {other}", ratio, compared.at_least, "x"))
            if compared.message_bytes is not None:
                found += self._floor_verdicts(compared.message_bytes)
        return found

    def _floor_verdicts(self, message_bytes: int) -> list[Verdict]:
        floors = [floor.hmac_blocks(message_bytes) * block for block in self._block_times()]
        ours = self.samples[OURS]
        if message_bytes <= FLOOR_NEAR_BYTES:
            over = spread([a - b for a, b in zip(ours, floors, strict=True)]).scaled(1e9)
            return [Verdict(2, f"{self.comparison.what} over the floor", over, FLOOR_EXCESS_NS_AT_MOST, "ns", False)]
        if message_bytes >= FLOOR_FAR_BYTES:
            share = ratio_spread(floors, ours)
            return [Verdict(2, f"{self.comparison.what}, floor / time", share, FLOOR_SHARE_AT_LEAST, "x")]
        return []

    def _message_bytes(self) -> int:
        assert self.comparison.message_bytes is not None
        return self.comparison.message_bytes

    def _block_times(self) -> list[float]:
        return floor.block_times(self._message_bytes(), self.samples[floor.SHORT], self.samples[floor.LONG])
