"""
SIGKILL before and after every call of every port that intake, processing and relay do I/O through.

The points are found by a first run that nobody kills. After each crash the provider sends again what got no 2xx, and the
relay finds the rest: nothing is lost, nothing is doubled.
"""

import multiprocessing
from collections.abc import Iterator
from pathlib import Path

import pytest

from paylink.providers.registry import provider_slugs
from support.dying import Course, Journey, Log, travel
from support.ends import assert_one_end
from support.histories import History
from support.stack import REPOSITORY
from support.theatre import Staged, Theatre
from support.watched import Point

LONGEST = {
    "stripe": "pay charge:refund:50000 charge:dispute charge:dispute-won",
    "midtrans": "pay charge:refund:50000 charge:refund-confirm",
    "xendit": "pay charge:dispute charge:dispute-won charge:refund:50000 charge:refund-complete",
}


@pytest.fixture(scope="module", autouse=True)
def warm_process() -> Iterator[None]:
    """Each process that is to die is forked from one that has loaded everything."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(REPOSITORY / "tests"))
        multiprocessing.get_context("forkserver").set_forkserver_preload(["pytest", "support.dying", "support.warm"])
        yield


@pytest.mark.parametrize("course", Course, ids=lambda course: course.name.lower())
@pytest.mark.parametrize("slug", provider_slugs())
def test_a_crash_at_any_call_of_a_port_loses_and_doubles_nothing(
    slug: str, course: Course, histories: list[History], theatre: Theatre, long: bool
):
    for history in (h for h in histories if h.script.slug == slug):
        if long or " ".join(history.script.steps) == LONGEST[slug]:
            points = all_points(theatre, history, course)
            for point in points:
                journey_that_dies(theatre, history, course, point)


def all_points(theatre: Theatre, history: History, course: Course) -> list[Point]:
    """Go once without dying, to learn the points; every port of the services must be among them."""
    staged, log = journey(theatre, history, course, None)
    assert not log.died
    assert_one_end(history, theatre.told(staged))
    ports = {call.partition(".")[0] for call in log.calls}
    assert ports >= {"database", "UnitOfWork", "accounts", "queue", history.script.slug}, ports
    return [Point(number, after) for number in range(1, len(log.calls) + 1) for after in (False, True)]


def journey_that_dies(theatre: Theatre, history: History, course: Course, point: Point) -> None:
    staged, log = journey(theatre, history, course, point)
    assert log.died, point
    recover(theatre, staged, log)
    try:
        assert_one_end(history, theatre.told(staged))
        theatre.assert_accounting_closes(unclear=1)
    except AssertionError as exc:
        raise AssertionError(f"{'after' if point.after else 'before'} {log.calls[-1]}, call {point.number}") from exc


def journey(theatre: Theatre, history: History, course: Course, die_at: Point | None) -> tuple[Staged, Log]:
    staged = theatre.open(history)
    log = travel(Journey(history, staged.attempt_id, course, theatre.environ), die_at)
    theatre.answered += len(log.answered)
    return staged, log


def recover(theatre: Theatre, staged: Staged, log: Log) -> None:
    """The provider is at the end by now, and sends again what got no 2xx. The queue delivers what it still has."""
    staged.play.stage = len(staged.play.history.answers) - 1
    for number in range(len(staged.play.history.webhooks)):
        if number not in log.answered:
            theatre.deliver(staged.play, number)
    theatre.queue.send(log.queued)
    theatre.make_due()
    theatre.relay()
    theatre.finish()
