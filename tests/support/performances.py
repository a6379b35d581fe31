"""How a history may be delivered and processed: hypothesis chooses."""

from dataclasses import dataclass
from enum import Enum

from hypothesis import strategies as st

from support.histories import History


class Then(Enum):
    """What the worker does after a delivery, with all that waits by then."""

    WAIT = "leave it waiting"
    TOGETHER = "one message of all"
    APART = "a message each, the newest first"
    TWICE = "one message of all, twice"
    AT_ONCE = "several workers at the same time"


@dataclass(frozen=True)
class Arrival:
    """Webhook `number` arrives while the provider is at `stage`."""

    number: int
    stage: int
    then: Then


@dataclass(frozen=True)
class Performance:
    """`early` of the arrivals come before our checkout has heard of the page."""

    history: History
    arrivals: tuple[Arrival, ...]
    early: int


@st.composite
def performances(draw: st.DrawFn, histories: tuple[History, ...]) -> Performance:
    """Every webhook of a history at least once, in any order, never before what it tells of has happened."""
    history = draw(st.sampled_from(histories))
    numbers = range(len(history.webhooks))
    repeated = draw(st.lists(st.sampled_from(numbers), max_size=4))
    last, stage = len(history.answers) - 1, 0
    arrivals = []
    for number in draw(st.permutations([*numbers, *repeated])):
        stage = max(stage, history.webhooks[number].stage)
        stage = draw(st.integers(stage, last))
        arrivals.append(Arrival(number, stage, draw(st.sampled_from(Then))))
    return Performance(history, tuple(arrivals), draw(st.sampled_from([0, 0, 0, 1, 2])))
