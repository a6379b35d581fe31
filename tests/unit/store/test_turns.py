"""Turns at reading lists: shared out among owners, waited for briefly, and given back whatever happens."""

import threading
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest

from paylink.core.errors import Overloaded, RateLimited
from paylink.store import turns
from paylink.store.turns import WAITING_MAX, Turns

A, B, C = uuid.uuid4(), uuid.uuid4(), None


@pytest.fixture(autouse=True)
def brief(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "WAIT_S", 0.2)


def test_an_owner_has_no_more_than_its_part():
    lists = Turns(4, 2)
    with lists.take(A), lists.take(A):
        with pytest.raises(RateLimited) as refused, lists.take(A):
            pass
        assert refused.value.retry_after_s == 1
        with lists.take(B), lists.take(C):
            pass
    with lists.take(A):
        pass


def test_all_together_have_no_more_than_there_are():
    lists = Turns(2, 1)
    with lists.take(A), lists.take(B):
        with pytest.raises(Overloaded) as refused, lists.take(C):
            pass
        assert refused.value.retry_after_s == 1
    with lists.take(C):
        pass


def test_who_waits_has_the_next_turn(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(turns, "WAIT_S", 10)
    lists = Turns(4, 1)
    had = threading.Semaphore(0)

    def read() -> None:
        with lists.take(A):
            had.release()

    with ThreadPoolExecutor(WAITING_MAX) as threads:
        with lists.take(A):
            waiting = [threads.submit(read) for _ in range(WAITING_MAX)]
            assert not had.acquire(timeout=0.1)
        for one in waiting:
            one.result()


def test_one_more_than_may_wait_is_refused_at_once(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(turns, "WAIT_S", 60)
    lists = Turns(4, 1)
    refused = threading.Semaphore(0)

    def read() -> None:
        try:
            with lists.take(A):
                pass
        except RateLimited:
            refused.release()

    with ThreadPoolExecutor(WAITING_MAX + 3) as threads, lists.take(A):
        for _ in range(WAITING_MAX + 3):
            threads.submit(read)
        for _ in range(3):
            assert refused.acquire(timeout=10)
        assert not refused.acquire(timeout=0.1)


def test_a_turn_ends_with_what_is_raised_in_it_and_nothing_is_kept_of_its_owner():
    lists = Turns(1, 1)
    for owner in (A, B, C):
        with pytest.raises(ZeroDivisionError), lists.take(owner):
            _ = 1 / 0
    assert lists._owners == {}
