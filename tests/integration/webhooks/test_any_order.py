"""
Promise 5: any order, any repetition, any split, same end.

Real histories of every provider, delivered and processed in all the ways that hypothesis thinks of.
"""

from collections import deque
from collections.abc import Sequence
from functools import partial

import pytest
from hypothesis import HealthCheck, given, settings

from support.ends import assert_one_end
from support.histories import History
from support.performances import Arrival, Performance, Then, performances
from support.play import Play
from support.theatre import Staged, Theatre

EXAMPLES, EXAMPLES_LONG = 300, 10_000


def perform(theatre: Theatre, performance: Performance) -> list[Staged]:
    """Deliver and process as the performance says, and then whatever is left."""
    early, later = performance.arrivals[: performance.early], performance.arrivals[performance.early :]
    plays: list[Play] = []
    staged: list[Staged] = []
    for of, history in enumerate(performance.histories):
        mine = deque(arrival for arrival in early if arrival.of == of)

        def created(play: Play, mine: deque[Arrival] = mine) -> None:
            plays.append(play)
            arrive(theatre, plays, mine)

        staged.append(theatre.open(history, early=created))
    arrive(theatre, plays, deque(later))
    for play in plays:
        play.stage = len(play.history.answers) - 1
    theatre.finish()
    return staged


def arrive(theatre: Theatre, plays: Sequence[Play], arrivals: deque[Arrival]) -> None:
    while arrivals:
        arrive_next(theatre, plays, arrivals)


def arrive_next(theatre: Theatre, plays: Sequence[Play], arrivals: deque[Arrival]) -> None:
    arrival = arrivals.popleft()
    play = plays[arrival.of]
    play.stage = arrival.stage
    theatre.deliver(play, arrival.number, copies=arrival.copies)
    if arrival.then is Then.WAIT:
        return
    waiting = theatre.queue.take()
    match arrival.then:
        case Then.TOGETHER:
            theatre.process(waiting)
        case Then.APART:
            for event_row_id in reversed(waiting):
                theatre.process([event_row_id])
        case Then.AGAIN:
            theatre.process(waiting)
            theatre.process(waiting, one_by_one=True)
        case Then.AT_ONCE:
            theatre.process_at_once(waiting)
        case Then.OVERTAKEN:
            if arrivals:
                play.while_asked = partial(arrive_next, theatre, plays, arrivals)
            theatre.process(waiting)
            play.while_asked = None


@pytest.mark.first
def test_any_order_repetition_and_split_ends_the_same(histories: list[History], theatre: Theatre, long: bool):
    @settings(
        max_examples=EXAMPLES_LONG if long else EXAMPLES,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow],  # each example is some real payments on a real database
    )
    @given(performances(histories))
    def check(performance: Performance) -> None:
        for staged in perform(theatre, performance):
            assert_one_end(staged.play.history, theatre.told(staged))

    check()


def test_as_it_happened_each_history_ends_where_its_script_says(histories: list[History], theatre: Theatre):
    for history in histories:
        arrivals = tuple(Arrival(0, n, sent.stage, 1, Then.TOGETHER) for n, sent in enumerate(history.webhooks))
        [staged] = perform(theatre, Performance((history,), arrivals, early=0))
        assert_one_end(history, theatre.told(staged))
