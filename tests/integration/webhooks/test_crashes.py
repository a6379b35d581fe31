"""
SIGKILL: before and after every call of every port that intake, processing and relay do I/O through, and at random.

The points are found by a first run that nobody kills. After each crash the provider sends again what got no 2xx, and
the relay finds the rest: nothing is lost, nothing is doubled.
"""

import json
import multiprocessing
import os
import random
import time
from collections.abc import Iterator
from dataclasses import replace

import pytest

from support.crowd import Shift, Webhook, Worker, shares
from support.dying import Course, Journey, Log, travel
from support.ends import assert_one_end
from support.histories import History, Sent
from support.stack import REPOSITORY
from support.theatre import Staged, Theatre
from support.watched import Point

JOURNEYS = [
    ("stripe: pay", Course.AS_IT_HAPPENED),
    ("stripe: pay, charge:refund:50000", Course.BACKWARDS),
    ("midtrans: pay", Course.AS_IT_HAPPENED),
    ("xendit: pay, charge:refund:50000, charge:refund-complete", Course.BACKWARDS),
]
LONG_JOURNEYS = [
    "stripe: pay, charge:refund:50000, charge:dispute, charge:dispute-won",
    "midtrans: choose-permata_va, pay-chosen, charge:reverse",
    "midtrans: pay, charge:refund:50000, charge:refund-confirm, charge:refund:100000, charge:refund-confirm",
    "xendit: expire, pay-late",
    "xendit: pay, charge:dispute, charge:dispute-won, charge:refund:50000, charge:refund-complete",
]
WORKERS, PAYMENTS = 3, 12
KILLS, KILLS_LONG = 12, 200


@pytest.fixture(scope="module", autouse=True)
def warm_process() -> Iterator[None]:
    """Each process that is to die is forked from one that has loaded everything."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(REPOSITORY / "tests"), prepend=os.pathsep)
        modules = ["pytest", "support.dying", "support.crowd", "support.warm"]
        multiprocessing.get_context("forkserver").set_forkserver_preload(modules)
        yield


@pytest.mark.first
@pytest.mark.parametrize(("name", "course"), JOURNEYS, ids=[f"{name}, {course.name}" for name, course in JOURNEYS])
def test_a_crash_at_any_call_of_a_port_loses_and_doubles_nothing(
    name: str, course: Course, histories: list[History], theatre: Theatre
):
    die_everywhere(theatre, named(histories, name), course)


@pytest.mark.parametrize("course", Course, ids=lambda course: course.name)
@pytest.mark.parametrize("name", LONG_JOURNEYS)
def test_nor_does_it_in_a_long_history(
    name: str, course: Course, histories: list[History], theatre: Theatre, long: bool
):
    if not long:
        pytest.skip("takes minutes: --long")
    die_everywhere(theatre, named(histories, name), course)


def named(histories: list[History], name: str) -> History:
    [history] = [history for history in histories if history.script.name == name]
    return history


def die_everywhere(theatre: Theatre, history: History, course: Course) -> None:
    """Go once without dying, to learn the points; every port of the services must be among them. Then die at each."""
    staged, log = journey(theatre, history, course, None)
    assert not log.died
    assert_one_end(history, theatre.told(staged))
    ports = {call.partition(".")[0] for call in log.calls}
    assert ports >= {"database", "UnitOfWork", "accounts", "queue", history.script.slug}, ports
    for point in every_point(log):
        die_once(theatre, history, course, point)


def every_point(log: Log) -> list[Point]:
    return [Point(number, after) for number in range(1, len(log.calls) + 1) for after in (False, True)]


def die_once(theatre: Theatre, history: History, course: Course, point: Point) -> None:
    staged, log = journey(theatre, history, course, point)
    assert log.died, point
    recover(theatre, staged, log)
    try:
        assert_one_end(history, theatre.told(staged))
        assert not theatre.queue.dead
        theatre.assert_accounting_closes()
    except AssertionError as exc:
        raise AssertionError(f"{'after' if point.after else 'before'} {log.calls[-1]}, call {point.number}") from exc


def journey(theatre: Theatre, history: History, course: Course, die_at: Point | None) -> tuple[Staged, Log]:
    staged = theatre.open(history)
    log = travel(Journey(history, staged.attempt_id, course, theatre.environ), die_at)
    theatre.count_answers(len(log.answered), broken=int(log.died))
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
    theatre.exhaust()


@pytest.mark.first
def test_a_dead_event_is_heard_of_whatever_crashes(histories: list[History], theatre: Theatre):
    """Its dead letter comes at least once, and its neighbours are applied."""
    history = poisoned(named(histories, "stripe: pay"))
    _, log = journey(theatre, history, Course.BACKWARDS, None)
    heard, unheard_after = set(log.dead), []
    for point in every_point(log):
        staged, died = journey(theatre, history, Course.BACKWARDS, point)
        recover(theatre, staged, died)
        assert_one_end(history, theatre.told(staged))
        heard |= {*died.dead, *(event_row_id for event_row_id, _ in theatre.queue.dead)}
        dead = {row["id"] for row in theatre.rows("select id from webhook_events where state = 'dead'")}
        if dead - heard:
            unheard_after.append(died.calls[-1])
            heard |= dead
    assert not unheard_after


def poisoned(history: History) -> History:
    """The history with one more webhook, which is no event of the provider."""
    body = {"id": "evt_poison00000000000000", "type": "checkout.session.completed", "data": {"object": 7}}
    poison = Sent(json.dumps(body).encode(), {}, stage=len(history.answers) - 1)
    return replace(history, webhooks=(*history.webhooks, poison))


def test_processes_killed_at_random_under_load_lose_and_double_nothing(
    histories: list[History], theatre: Theatre, long: bool
):
    seed = random.randrange(2**32)
    print("seed", seed)
    chance = random.Random(seed)
    kills = KILLS_LONG if long else KILLS
    staged = [theatre.open(chance.choice(histories)) for _ in range(PAYMENTS * kills // KILLS)]
    for one in staged:
        one.play.stage = len(one.play.history.answers) - 1
    webhooks = [(n, number) for n, one in enumerate(staged) for number in range(len(one.play.history.webhooks))]
    answered = killed_at_work(chance, theatre, staged, webhooks, kills)
    theatre.count_answers(len(answered), broken=kills)
    theatre.make_due()
    theatre.relay()
    theatre.finish()
    for one in staged:
        assert_one_end(one.play.history, theatre.told(one))


def killed_at_work(
    chance: random.Random, theatre: Theatre, staged: list[Staged], webhooks: list[Webhook], kills: int
) -> list[Webhook]:
    """Have the webhooks arrive at several processes and kill one after the other; return what was answered with 2xx."""
    chance.shuffle(webhooks)
    payments = tuple((one.play.history, one.attempt_id) for one in staged)
    workers = [Worker(Shift(payments, share, theatre.environ)) for share in shares(webhooks, WORKERS)]
    answered: list[Webhook] = []
    for _ in range(kills):
        time.sleep(chance.uniform(0, 0.5))
        victim = chance.randrange(WORKERS)
        told, shift = workers[victim].kill()
        answered += told
        workers[victim] = Worker(shift)
    for worker in workers:
        answered += worker.join()
        assert worker.ended_well
    assert set(answered) == set(webhooks)
    return answered
