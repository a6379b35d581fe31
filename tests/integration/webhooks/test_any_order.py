"""
Promise 5: any order, any repetition, any split, same end.

Real histories of each provider, delivered and processed in every way that hypothesis thinks of.
"""

import pytest
from hypothesis import HealthCheck, given, settings

from paylink.providers.registry import provider_slugs
from support.ends import assert_one_end
from support.histories import History
from support.performances import Arrival, Performance, Then, performances
from support.play import Play
from support.scripts import SCRIPTS
from support.theatre import Staged, Theatre

EXAMPLES, EXAMPLES_LONG = 120, 3_400
"""For each provider."""


def perform(theatre: Theatre, performance: Performance) -> Staged:
    """Deliver and process as the performance says, and then whatever is left."""
    early, later = performance.arrivals[: performance.early], performance.arrivals[performance.early :]
    staged = theatre.open(
        performance.history, early=lambda play: [arrive(theatre, play, arrival) for arrival in early]
    )
    for arrival in later:
        arrive(theatre, staged.play, arrival)
    staged.play.stage = len(performance.history.answers) - 1
    theatre.finish(staged)
    return staged


def arrive(theatre: Theatre, play: Play, arrival: Arrival) -> None:
    play.stage = arrival.stage
    theatre.deliver(play, arrival.number)
    if arrival.then is Then.WAIT:
        return
    waiting = theatre.queue.take()
    match arrival.then:
        case Then.TOGETHER:
            theatre.process(waiting)
        case Then.APART:
            for event_row_id in reversed(waiting):
                theatre.process([event_row_id])
        case Then.TWICE:
            theatre.process(waiting)
            theatre.process(waiting)
        case Then.AT_ONCE:
            theatre.process_at_once(waiting)


@pytest.mark.parametrize("slug", provider_slugs())
def test_any_order_repetition_and_split_ends_the_same(
    slug: str, histories: dict[str, tuple[History, ...]], theatre: Theatre, long: bool
):
    @settings(
        max_examples=EXAMPLES_LONG if long else EXAMPLES,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow],  # each example is a real payment on a real database
    )
    @given(performances(histories[slug]))
    def check(performance: Performance) -> None:
        staged = perform(theatre, performance)
        assert_one_end(performance.history, theatre.told(staged))

    check()
    theatre.assert_accounting_closes()


@pytest.mark.parametrize("slug", provider_slugs())
def test_as_it_happened_each_history_ends_where_its_script_says(
    slug: str, histories: dict[str, tuple[History, ...]], theatre: Theatre
):
    assert len(histories[slug]) == len(SCRIPTS[slug])
    for history in histories[slug]:
        arrivals = tuple(Arrival(n, sent.stage, Then.TOGETHER) for n, sent in enumerate(history.webhooks))
        staged = perform(theatre, Performance(history, arrivals, early=0))
        assert_one_end(history, theatre.told(staged))
    theatre.assert_accounting_closes()
