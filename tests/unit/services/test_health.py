"""Health: what asking costs, and how long it takes whatever a dependency does."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from paylink.core.errors import StorageUnavailable
from paylink.services.health import WAITING_MAX, Dependency, Health


class Asked:
    """Counts how often it is asked, and how many ask at the same time; fails or hangs as it is told."""

    def __init__(self, answer: Callable[[], None] = lambda: None) -> None:
        self.answer = answer
        self.times = 0
        self.at_once = 0
        self.at_once_max = 0
        self._lock = threading.Lock()

    def __call__(self) -> None:
        with self._lock:
            self.times += 1
            self.at_once += 1
            self.at_once_max = max(self.at_once_max, self.at_once)
        try:
            self.answer()
        finally:
            with self._lock:
                self.at_once -= 1


def refuse() -> None:
    raise ConnectionRefusedError("connect to 10.0.0.7:6379 as paylink:hunter2")


def test_a_crowd_of_callers_asks_once():
    asked = Asked(lambda: time.sleep(0.1))
    dependency = Dependency("redis", asked)
    with ThreadPoolExecutor(32) as pool:
        standings = list(pool.map(lambda _: dependency.standing(), range(200)))
    assert (asked.times, asked.at_once_max) == (2, 1), "at first a second time, for the latency without connecting"
    assert all(one.answers and one.latency_ms is not None and one.latency_ms >= 100 for one in standings)


def test_what_is_known_is_forgotten_after_a_moment():
    asked = Asked()
    dependency = Dependency("redis", asked, remember_s=0.05)
    assert dependency.standing().answers
    asked.answer = refuse
    assert dependency.standing().answers
    time.sleep(0.06)
    assert not dependency.standing().answers
    asked.answer = lambda: None
    time.sleep(0.06)
    assert dependency.standing().answers


def test_one_that_hangs_holds_nobody_up_and_is_not_asked_twice():
    """However many ask, and however long it hangs, one thread waits for it; afterwards it is asked again."""
    released = threading.Event()
    asked = Asked(released.wait)  # type: ignore[arg-type]  # whether it was set in time says nothing here
    dependency = Dependency("queue", asked, within_s=0.2, remember_s=0)
    began = time.monotonic()
    with ThreadPoolExecutor(16) as pool:
        standings = list(pool.map(lambda _: dependency.standing(), range(64)))
    assert time.monotonic() - began < 1.0
    assert not any(one.answers for one in standings)
    assert asked.times == 1
    released.set()
    for _ in range(200):
        if asked.at_once == 0:
            break
        time.sleep(0.005)
    assert dependency.standing().answers
    assert asked.at_once_max == 1


def test_a_crowd_waits_for_one_that_hangs_in_small_number_only():
    """Who need not wait is told what was known last: the threads of a process are not all held up."""
    released = threading.Event()
    asked = Asked()
    dependency = Dependency("redis", asked, within_s=0.5, remember_s=0)
    assert dependency.standing().answers
    asked.answer = released.wait  # type: ignore[assignment]  # whether it was set in time says nothing here
    took: list[float] = []

    def ask() -> bool:
        began = time.monotonic()
        answers = dependency.standing().answers
        took.append(time.monotonic() - began)
        return answers

    with ThreadPoolExecutor(40) as pool:
        told = list(pool.map(lambda _: ask(), range(40)))
    released.set()
    assert sum(seconds > 0.25 for seconds in took) <= WAITING_MAX
    assert told.count(False) <= WAITING_MAX
    assert not dependency.standing().answers or asked.times > 2


def health(database: Callable[[], object], redis: Callable[[], object], queue: Callable[[], object]) -> Health:
    named = {"database": database, "redis": redis, "queue": queue}
    first, *others = [Dependency(name, ask, within_s=1.0) for name, ask in named.items()]
    return Health(first, others)


def test_all_well_is_ok_with_each_latency():
    told = health(Asked(), Asked(), Asked()).readiness()
    assert told["status"] == "ok"
    dependencies = told["dependencies"]
    assert isinstance(dependencies, dict)
    assert list(dependencies) == ["database", "redis", "queue"]
    for one in dependencies.values():
        assert one["status"] == "ok"
        assert one["latency_ms"] >= 0


@pytest.mark.parametrize("away", ["redis", "queue"])
def test_without_what_is_only_useful_it_is_ready_and_says_which_is_away(away: str):
    told = health(Asked(), *(Asked(refuse) if name == away else Asked() for name in ("redis", "queue"))).readiness()
    assert told["status"] == "degraded"
    dependencies = told["dependencies"]
    assert isinstance(dependencies, dict)
    assert dependencies.pop(away) == {"status": "away", "latency_ms": None}
    assert {one["status"] for one in dependencies.values()} == {"ok"}


def test_without_the_database_it_is_not_ready_and_tells_of_each():
    sick = health(Asked(refuse), Asked(), Asked(refuse))
    with pytest.raises(StorageUnavailable) as refusal:
        sick.readiness()
    database, redis, queue = refusal.value.detail.split("; ")
    assert (database, queue) == ("database: away", "queue: away")
    assert redis.startswith("redis: ")
    assert redis.endswith(" ms")
    with pytest.raises(StorageUnavailable):
        sick.require()


def test_only_the_database_is_asked_where_only_that_is_needed():
    redis, queue = Asked(), Asked()
    health(Asked(), redis, queue).require()
    assert redis.times == queue.times == 0


def test_all_are_asked_side_by_side():
    """Three that take their time take it together."""
    slow = [Asked(lambda: time.sleep(0.15)) for _ in range(3)]
    began = time.monotonic()
    assert health(*slow).readiness()["status"] == "ok"
    assert time.monotonic() - began < 0.8


def test_no_reason_reaches_the_answer_or_the_log(caplog: pytest.LogCaptureFixture):
    """What an exception says may hold an address or a password; the log names its kind, once for each change."""
    asked = Asked(refuse)
    dependency = Dependency("redis", asked, remember_s=0)
    told = [dependency.standing().told() for _ in range(3)]
    asked.answer = lambda: None
    told += [dependency.standing().told() for _ in range(2)]
    assert "hunter2" not in repr(told) + caplog.text
    assert "10.0.0.7" not in repr(told) + caplog.text
    assert [(record.getMessage(), vars(record)["dependency"]) for record in caplog.records] == [
        ("a dependency does not answer", "redis"),
        ("a dependency answers again", "redis"),
    ]
    assert vars(caplog.records[0])["error"] == "ConnectionRefusedError"
