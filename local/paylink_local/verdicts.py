"""The sum of `paylink events verify`."""

from collections import Counter

from paylink.services.reverification import Checked, Outcome

_WORDS = {Outcome.DOES_NOT_MATCH: "do not match", Outcome.CANNOT_BE_VERIFIED: "cannot be verified"}


class Verdicts:
    """Counts outcomes with their reasons."""

    def __init__(self) -> None:
        self._counts: Counter[tuple[Outcome, str | None]] = Counter()

    def add(self, checked: Checked) -> None:
        self._counts[checked.outcome, checked.reason] += 1

    def of(self, outcome: Outcome) -> int:
        return sum(count for (of, _), count in self._counts.items() if of is outcome)

    def lines(self) -> list[str]:
        lines = [f"{self._counts.total()} checked: {self.of(Outcome.MATCHES)} match"]
        for outcome, word in _WORDS.items():
            reasons = sorted((str(r), count) for (of, r), count in self._counts.items() if of is outcome)
            why = f": {', '.join(f'{count} {reason}' for reason, count in reasons)}" if reasons else ""
            lines.append(f"{self.of(outcome)} {word}{why}")
        return lines
