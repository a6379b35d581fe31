"""Questions to providers: several at once, in order, and as many together as a provider is quick."""

import threading
import time
from collections.abc import Callable
from uuid import UUID

import pytest

from paylink.services import questions
from paylink.services.questions import ASKED_AT_ONCE, STEP_S, STEP_SIZE_MAX, WRITTEN_AT_ONCE, Askers, Questions

ACCOUNT, OTHER = UUID(int=1), UUID(int=2)


def test_each_is_asked_once_and_answered_in_its_place():
    asked: list[int] = []

    def ask(number: int) -> int:
        asked.append(number)
        time.sleep(0.001 * (number % 3))
        return number * number

    some = Questions(Askers(), ask)
    some.add(range(20))
    some.add([])
    some.add(range(20, 50))
    assert some.answers() == [(n, n * n) for n in range(50)]
    assert sorted(asked) == list(range(50))


def test_so_many_are_asked_at_once_and_no_more():
    here, most, lock = [0], [0], threading.Lock()

    def ask(number: int) -> None:
        with lock:
            here[0] += 1
            most[0] = max(most[0], here[0])
        time.sleep(0.01)
        with lock:
            here[0] -= 1

    askers = Askers()
    both = [Questions(askers, ask) for _ in range(2)]
    for some in both:
        some.add(range(30))
    for some in both:
        some.answers()
    assert most[0] == ASKED_AT_ONCE


class Gone(BaseException):
    """Stands for what no question catches."""


def test_what_asking_raises_is_raised_by_the_answers():
    def ask(number: int) -> int:
        if number == 3:
            raise Gone
        return number

    some = Questions(Askers(), ask)
    some.add(range(5))
    with pytest.raises(Gone):
        some.answers()


def test_what_is_abandoned_is_not_asked_any_more():
    begun, go_on = threading.Semaphore(0), threading.Event()
    asked: list[int] = []

    def ask(number: int) -> None:
        asked.append(number)
        begun.release()
        go_on.wait(10)

    some = Questions(Askers(), ask)
    some.add(range(100))
    for _ in range(ASKED_AT_ONCE):
        begun.acquire(timeout=10)
    some.abandon()
    go_on.set()
    assert sorted(asked) == list(range(ASKED_AT_ONCE))


def test_a_list_is_written_in_parts_at_the_same_time():
    together = threading.Barrier(WRITTEN_AT_ONCE, timeout=10)

    def write(part: list[int]) -> list[int]:
        together.wait()
        return [2 * number for number in part]

    parts = Askers().write(write, list(range(10)))
    assert sorted(number for part in parts for number in part) == [2 * number for number in range(10)]
    assert Askers().write(write, []) == []


@pytest.fixture
def wait(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Let time pass."""
    now = [1000.0]
    monkeypatch.setattr(questions.time, "monotonic", lambda: now[0])

    def wait(seconds: float) -> None:
        now[0] += seconds

    return wait


def test_steps_are_small_until_a_provider_has_answered_and_grow_while_it_is_quick(wait: Callable[[float], None]):
    askers = Askers()
    assert (askers.step_size(ACCOUNT), askers.is_answering(ACCOUNT)) == (ASKED_AT_ONCE, False)
    sizes = []
    for _ in range(6):
        askers.note_step(ACCOUNT, took_s=STEP_S / 2)
        sizes.append(askers.step_size(ACCOUNT))
    assert sizes == [16, 32, *[STEP_SIZE_MAX] * 4]
    assert (askers.is_answering(ACCOUNT), askers.step_size(OTHER)) == (True, ASKED_AT_ONCE)
    for _ in range(6):
        askers.note_step(ACCOUNT, took_s=STEP_S)
    assert askers.step_size(ACCOUNT) == ASKED_AT_ONCE


def test_what_is_known_of_a_provider_is_forgotten_when_it_is_silent_and_after_a_while(wait: Callable[[float], None]):
    askers = Askers()
    for forget in (lambda: askers.note_silence(ACCOUNT), lambda: wait(60)):
        askers.note_step(ACCOUNT, took_s=0)
        assert askers.is_answering(ACCOUNT)
        forget()
        assert (askers.step_size(ACCOUNT), askers.is_answering(ACCOUNT)) == (ASKED_AT_ONCE, False)
