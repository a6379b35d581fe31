"""Where a history must end, whatever became of its webhooks on the way."""

from itertools import pairwise

from paylink.core.states import HAS_MONEY
from paylink.providers.payments import Payment
from support.histories import End, History
from support.theatre import Told, end_of


def assert_one_end(history: History, told: Told) -> None:
    """One final state and totals; each change is a change, told once; money comes and goes as often as it did."""
    assert told.end == history.script.end
    ends = [end_of(row) for row in told.history]
    assert all(before != after for before, after in pairwise(ends)), ends
    announced = [end_of(row) for row in told.notifications]
    assert announced == [end_of(row) for row in told.history if row["version"] > 0 and not row["implied"]]
    assert _times_paid(ends) <= 1, ends
    assert sum(max(0, after[2] - before[2]) for before, after in pairwise(ends)) <= _given_back(history), ends


def _times_paid(ends: list[End]) -> int:
    return sum(after[0] in HAS_MONEY and before[0] not in HAS_MONEY for before, after in pairwise(ends))


def _given_back(history: History) -> int:
    told = [answer.evidence.refunded or 0 for answer in history.answers if isinstance(answer, Payment)]
    return sum(max(0, after - before) for before, after in pairwise(told))
