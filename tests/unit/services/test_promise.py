"""A promise: whoever asks gets what another thread brings, however the two meet; and it keeps nothing alive."""

import gc
import threading
import weakref
from collections.abc import Iterator

import pytest

from paylink.services.promise import Promise


@pytest.fixture
def no_collector() -> Iterator[None]:
    gc.disable()
    yield
    gc.enable()


def test_a_result_is_told_whenever_one_asks():
    early, late, told = Promise[int](), Promise[int](), []
    early.then(lambda promise: told.append(promise.result()))
    early.keep(1)
    late.keep(2)
    late.then(lambda promise: told.append(promise.result()))
    assert (told, early.done, late.result()) == ([1, 2], True, 2)


def test_an_error_comes_instead_of_a_result():
    promise = Promise[int]()
    promise.break_(ValueError("full"))
    with pytest.raises(ValueError, match="full"):
        promise.result()


def test_who_waits_gets_what_another_thread_brings():
    promise = Promise[str]()
    threading.Timer(0.02, promise.keep, ["here"]).start()
    assert promise.result(5) == "here"


def test_who_waits_does_not_wait_for_ever():
    with pytest.raises(TimeoutError):
        Promise[str]().result(0.01)


def test_a_result_that_comes_while_one_asks_is_told_once():
    for _ in range(2000):
        promise, told = Promise[int](), []
        start = threading.Barrier(2)

        def keep(promise: Promise[int] = promise, start: threading.Barrier = start) -> None:
            start.wait()
            promise.keep(1)

        keeper = threading.Thread(target=keep)
        keeper.start()
        start.wait()
        promise.then(lambda promise, told=told: told.append(promise.result()))
        keeper.join()
        assert told == [1]


@pytest.mark.usefixtures("no_collector")
def test_a_listener_that_holds_its_promise_is_gone_with_it():
    """As an answer does, which asks it for its result."""
    promise = Promise[int]()
    gone = weakref.ref(promise, lambda _: None)
    promise.then(lambda _, held=promise: held.result())
    promise.keep(1)
    del promise
    assert gone() is None


def test_one_goes_on_with_a_result_to_a_further_promise():
    first, further, seen = Promise[int](), Promise[str](), []

    def ask(number: int) -> Promise[str]:
        seen.append(number)
        return further

    end = first.go_on(ask)
    first.keep(3)
    assert (seen, end.done) == ([3], False)
    further.keep("there")
    assert end.result() == "there"


def refuse(number: int) -> Promise[str]:
    raise ValueError("refused")


def test_nothing_goes_on_after_an_error_and_an_error_on_the_way_is_the_end():
    broken, refused, first, further = Promise[int](), Promise[int](), Promise[int](), Promise[str]()
    ends = [broken.go_on(lambda _: pytest.fail("there was no result")), refused.go_on(refuse)]
    ends.append(first.go_on(lambda _: further))
    broken.break_(ValueError("broken"))
    refused.keep(1)
    first.keep(1)
    further.break_(ValueError("further"))
    for end, why in zip(ends, ("broken", "refused", "further"), strict=True):
        with pytest.raises(ValueError, match=why):
            end.result()
