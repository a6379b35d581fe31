"""What is counted is written in the background, all of it, also when writing fails for a while."""

import threading
import time
from collections import Counter

import pytest

from paylink.store import gathering
from paylink.store.gathering import Gathering


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gathering, "WRITE_EVERY_S", 0.02)
    monkeypatch.setattr(gathering, "PAUSE_S_MAX", 0.05)


class Written:
    def __init__(self, fail: int = 0) -> None:
        self.counts: Counter[str] = Counter()
        self.calls = 0
        self.fail = fail

    def __call__(self, counts: Counter[str]) -> None:
        self.calls += 1
        if self.calls <= self.fail:
            raise OSError("away")
        self.counts.update(counts)


def await_total(written: Written, total: int) -> None:
    for _ in range(300):
        if written.counts.total() == total:
            return
        time.sleep(0.01)
    assert written.counts.total() == total


@pytest.mark.parametrize("fail", [0, 3])
def test_every_count_is_written_once(fail: int):
    written = Written(fail)
    gathered = Gathering("test", written)
    threads = [threading.Thread(target=lambda: [gathered.add("abc"[n % 3]) for n in range(300)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    await_total(written, 1200)
    assert written.counts == {"a": 400, "b": 400, "c": 400}
    gathered.close()


def test_it_writes_seldom_and_its_thread_ends():
    written = Written()
    gathered = Gathering("seldom", written)
    for _ in range(500):
        gathered.add("a")
        time.sleep(0.0002)
    await_total(written, 500)
    assert written.calls < 50
    for _ in range(300):
        if not any(thread.name == "seldom" for thread in threading.enumerate()):
            return
        time.sleep(0.01)
    raise AssertionError("its thread lives on with nothing to write")


def test_closing_writes_what_is_left():
    written = Written(fail=1)
    gathered = Gathering("test", written)
    gathered.add("a")
    for _ in range(300):
        if written.calls and gathered._counts:
            break
        time.sleep(0.005)
    gathered.close()
    gathered.add("after the end")
    await_total(written, 1)


def test_who_counts_may_write_and_no_thread_does():
    """Where a process freezes after its answer, a thread would be caught in the middle of a transaction."""
    now, written, threads = [100.0], [], set(threading.enumerate())

    def write(counts: Counter[str]) -> None:
        written.append((dict(counts), threading.current_thread() is threading.main_thread()))
        if "bad" in counts and len(written) == 3:
            raise RuntimeError("away")

    gathered = Gathering("test", write, by_caller=True, monotonic=lambda: now[0])
    gathered.add("a")
    gathered.add("a")
    gathered.add("b")
    assert written == [({"a": 1}, True)]
    now[0] += 2 * gathering.WRITE_EVERY_S
    gathered.add("a")
    assert written[1:] == [({"a": 2, "b": 1}, True)]
    now[0] += 2 * gathering.WRITE_EVERY_S
    gathered.add("bad")
    gathered.add("a")
    assert written[2:] == [({"bad": 1}, True)]
    gathered.close()
    assert written[3:] == [({"bad": 1, "a": 1}, True)]
    assert set(threading.enumerate()) <= threads
