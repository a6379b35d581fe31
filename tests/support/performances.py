"""How histories may be delivered and processed: hypothesis chooses."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from hypothesis import strategies as st

from support.histories import History


class Then(Enum):
    """What the worker does after a delivery, with all that waits by then."""

    WAIT = "leave it waiting"
    TOGETHER = "one message of all"
    APART = "a message each, the newest first"
    AGAIN = "one message of all, received twice"
    AT_ONCE = "several workers at the same time"
    OVERTAKEN = (
        "one message of all, and while the provider's answer is on its way the next webhook comes and is applied"
    )


@dataclass(frozen=True)
class Arrival:
    """
    Webhook `number` of the performance's history `of` arrives while its provider is at `stage`, in `copies` at once.
    """

    of: int
    number: int
    stage: int
    copies: int
    then: Then


@dataclass(frozen=True)
class Performance:
    """Some payments at the same time. `early` of the arrivals come before our checkout has heard of its page."""

    histories: tuple[History, ...]
    arrivals: tuple[Arrival, ...]
    early: int


@st.composite
def performances(draw: st.DrawFn, histories: Sequence[History]) -> Performance:
    """Every webhook of each history at least once, in any order, never before what it tells of has happened."""
    chosen = draw(st.lists(st.sampled_from(histories), min_size=1, max_size=3))
    sent = [(of, number) for of, history in enumerate(chosen) for number in range(len(history.webhooks))]
    repeated = draw(st.lists(st.sampled_from(sent), max_size=4))
    stages = [0] * len(chosen)
    arrivals = []
    for of, number in draw(st.permutations([*sent, *repeated])):
        happened = max(stages[of], chosen[of].webhooks[number].stage)
        stages[of] = draw(st.integers(happened, len(chosen[of].answers) - 1))
        copies, then = draw(st.sampled_from([1, 1, 1, 3])), draw(st.sampled_from(Then))
        arrivals.append(Arrival(of, number, stages[of], copies, then))
    return Performance(tuple(chosen), tuple(arrivals), draw(st.sampled_from([0, 0, 0, 1, 2])))
