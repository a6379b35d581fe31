"""What is asked for at the same time is answered together; each gets its own answer, and nobody waits for ever."""

import threading
import time
from collections.abc import Callable, Sequence

import pytest

from paylink.core.errors import PayLinkError, StorageUnavailable
from paylink.services.groups import Groups
from paylink.services.promise import Promise

Work = Callable[[Sequence[int], float], Sequence[int]]


def squares(numbers: Sequence[int], within_s: float) -> Sequence[int]:
    if 13 in numbers:
        raise ValueError("unlucky")
    return [number * number for number in numbers]


class Held:
    """Work whose first group waits to be told to go on."""

    def __init__(self, work: Work = squares) -> None:
        self.groups: list[list[int]] = []
        self.go = threading.Event()
        self._work = work

    def __call__(self, numbers: Sequence[int], within_s: float) -> Sequence[int]:
        self.groups.append(list(numbers))
        self.go.wait(5)
        return self._work(numbers, within_s)


def begun(held: Held, size_max: int = 100) -> tuple[Groups[int, int], Promise[int]]:
    groups: Groups[int, int] = Groups("squares", held, size_max=size_max, by_caller=False)
    first = groups.submit(1, within_s=5)
    while not held.groups:
        time.sleep(0.001)
    return groups, first


def test_what_comes_meanwhile_is_the_next_group_and_one_fault_is_its_own():
    held = Held()
    groups, first = begun(held)
    promises = {number: groups.submit(number, within_s=5) for number in (2, 3, 13, 3)}
    held.go.set()
    assert first.result(5) == 1
    assert [promises[number].result(5) for number in (2, 3)] == [4, 9]
    with pytest.raises(ValueError, match="unlucky"):
        promises[13].result(5)
    assert held.groups == [[1], [2, 3, 13, 3], [2], [3], [13], [3]]


def test_a_group_has_a_size():
    held = Held()
    groups, _ = begun(held, size_max=2)
    promises = [groups.submit(number, within_s=5) for number in range(5)]
    held.go.set()
    assert [promise.result(5) for promise in promises] == [0, 1, 4, 9, 16]
    assert held.groups == [[1], [0, 1], [2, 3], [4]]


def test_who_waited_too_long_is_told_so_and_nothing_is_done_for_it():
    held = Held()
    groups, first = begun(held)
    late, in_time = groups.submit(2, within_s=0.02), groups.submit(3, within_s=5)
    time.sleep(0.05)
    held.go.set()
    assert (first.result(5), in_time.result(5)) == (1, 9)
    with pytest.raises(StorageUnavailable):
        late.result(5)
    assert held.groups == [[1], [3]]


@pytest.mark.parametrize(("fault", "told"), [(StorageUnavailable(), StorageUnavailable), (SystemExit(1), PayLinkError)])
def test_what_takes_a_whole_group_with_it_leaves_the_next_one(fault: BaseException, told: type[Exception]):
    def failing(numbers: Sequence[int], within_s: float) -> Sequence[int]:
        if 7 in numbers:
            raise fault
        return squares(numbers, within_s)

    held = Held(failing)
    groups, first = begun(held)
    doomed = [groups.submit(number, within_s=5) for number in (6, 7)]
    held.go.set()
    assert first.result(5) == 1
    for promise in doomed:
        with pytest.raises(told):
            promise.result(5)
    assert groups.submit(4, within_s=5).result(5) == 16
    assert held.groups[1:3] == [[6, 7], [4]]


def test_a_group_that_falls_apart_keeps_to_its_time():
    given: list[float] = []

    def slow(numbers: Sequence[int], within_s: float) -> Sequence[int]:
        given.append(within_s)
        if len(numbers) > 1:
            time.sleep(0.4)
            raise ValueError("one of them")
        return squares(numbers, within_s)

    held = Held(slow)
    held.go.set()
    groups, first = begun(held)
    held.go.clear()
    assert first.result(5) == 1
    one = groups.submit(2, within_s=1)
    while len(held.groups) < 2:
        time.sleep(0.001)
    two, three = (groups.submit(number, within_s=1) for number in (3, 4))
    held.go.set()
    assert [promise.result(5) for promise in (one, two, three)] == [4, 9, 16]
    assert given[3] <= given[2] - 0.4


def test_whoever_submits_may_do_the_work():
    """Where nothing goes on after an answer."""
    before = set(threading.enumerate())
    groups: Groups[int, int] = Groups("squares", squares, size_max=8, by_caller=True)
    promise = groups.submit(3, within_s=1)
    assert (promise.done, promise.result()) == (True, 9)
    with pytest.raises(ValueError, match="unlucky"):
        groups.submit(13, within_s=1).result()
    assert set(threading.enumerate()) <= before


def test_each_is_told_of_an_absent_database_by_an_error_of_its_own():
    """Several threads raise them: a shared one would gather all their tracebacks."""

    def away(numbers: Sequence[int], within_s: float) -> Sequence[int]:
        raise StorageUnavailable

    held = Held(away)
    groups, first = begun(held)
    second = groups.submit(2, within_s=5)
    held.go.set()
    errors = []
    for promise in (first, second):
        with pytest.raises(StorageUnavailable) as caught:
            promise.result(5)
        errors.append(caught.value)
    assert errors[0] is not errors[1]


def test_many_threads_each_get_their_own():
    groups: Groups[int, int] = Groups("squares", squares, size_max=8, by_caller=False)
    numbers = [number for number in range(400) if number != 13]
    found: dict[int, int] = {}

    def ask(part: Sequence[int]) -> None:
        for number in part:
            found[number] = groups.submit(number, within_s=5).result(5)

    threads = [threading.Thread(target=ask, args=[numbers[n::16]]) for n in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {number: number * number for number in numbers}
