"""Requests of one process that arrive together share a commit; none waits too long, and none falls with another."""

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID, uuid4

import pytest

from paylink.core.errors import StorageUnavailable
from paylink.providers.port import Assurance
from paylink.services.group_commit import GroupCommit
from paylink.services.promise import Promise
from paylink.store.webhooks import NewWebhook

Store = Callable[[Sequence[NewWebhook], float], set[UUID]]


def webhook(event_id: str = "evt_1") -> NewWebhook:
    return NewWebhook(uuid4(), uuid4(), event_id, uuid4(), Assurance.BODY, b"{}", {})


def all_new(group: Sequence[NewWebhook], deadline_s: float) -> set[UUID]:
    return {w.id for w in group}


def commit_all(commits: GroupCommit, webhooks: Sequence[NewWebhook]) -> list[bool | Exception]:
    """Commit from one thread each; return what each got."""

    def commit(one: NewWebhook) -> bool | Exception:
        try:
            return commits.submit(one, within_s=2).result(5)
        except Exception as exc:
            return exc

    with ThreadPoolExecutor(len(webhooks)) as threads:
        return list(threads.map(commit, webhooks))


class Slow:
    """A store whose first group waits until the others have gathered."""

    def __init__(self, store: Store = all_new) -> None:
        self.groups: list[int] = []
        self.go = threading.Event()
        self._store = store

    def __call__(self, group: Sequence[NewWebhook], deadline_s: float) -> set[UUID]:
        self.groups.append(len(group))
        self.go.wait(5)
        return self._store(group, deadline_s)


def begun(slow: Slow) -> tuple[GroupCommit, Promise[bool]]:
    """Submit a first webhook, which is being stored when this returns and waits to be told to go on."""
    commits = GroupCommit(slow, lambda ids: None)
    first = commits.submit(webhook(), within_s=2)
    while not slow.groups:
        time.sleep(0.001)
    return commits, first


def test_what_arrives_during_a_commit_is_stored_in_the_next_one():
    slow = Slow()
    commits, first = begun(slow)
    others = [commits.submit(webhook(), within_s=2) for _ in range(8)]
    slow.go.set()
    assert first.result(5)
    assert all(other.result(5) for other in others)
    assert slow.groups == [1, 8]


def test_each_request_learns_whether_its_own_event_is_new():
    known = webhook("evt_known")
    commits = GroupCommit(lambda group, _: {w.id for w in group if w.event_id != "evt_known"}, lambda ids: None)
    assert commit_all(commits, [webhook("evt_a"), known, webhook("evt_b")]) == [True, False, True]


def test_only_new_events_are_told_of_and_only_after_their_commit():
    told: list[UUID] = []
    new, known = webhook("evt_new"), webhook("evt_known")
    commits = GroupCommit(lambda group, _: {w.id for w in group if w is new}, told.extend)
    commit_all(commits, [new, known])
    assert told == [new.id]


def test_a_row_that_cannot_be_stored_fails_alone():
    def picky(group: Sequence[NewWebhook], deadline_s: float) -> set[UUID]:
        if any(w.event_id == "evt_bad" for w in group):
            raise ValueError("no such row")
        return all_new(group, deadline_s)

    slow = Slow(picky)
    slow.go.set()
    commits = GroupCommit(slow, lambda ids: None)
    webhooks = [webhook(f"evt_{n}") for n in range(20)]
    webhooks[7] = webhook("evt_bad")
    answers = commit_all(commits, webhooks)
    assert isinstance(answers.pop(7), ValueError)
    assert answers == [True] * 19


def test_a_database_that_is_away_is_told_to_everyone():
    def away(group: Sequence[NewWebhook], deadline_s: float) -> set[UUID]:
        raise StorageUnavailable(retry_after_s=2)

    commits = GroupCommit(away, lambda ids: None)
    answers = commit_all(commits, [webhook() for _ in range(5)])
    assert all(isinstance(answer, StorageUnavailable) for answer in answers)


def test_a_commit_that_takes_too_long_is_not_waited_for():
    """What waited too long for its turn is not stored after all: its provider tells it again."""
    slow = Slow()
    commits, first = begun(slow)
    late = commits.submit(webhook(), within_s=0.05)
    time.sleep(0.1)
    slow.go.set()
    assert first.result(5)
    with pytest.raises(StorageUnavailable):
        late.result(5)
    assert commits.submit(webhook(), within_s=2).result(5)
    assert slow.groups == [1, 1]


def test_events_are_told_of_before_the_answers():
    """Where a process freezes after its answer, nothing would follow it."""
    order: list[str] = []
    commits = GroupCommit(all_new, lambda ids: order.append("told"))
    promise = commits.submit(webhook(), within_s=2)
    promise.then(lambda _: order.append("answered"))
    assert promise.result(5)
    assert order == ["told", "answered"]


def test_a_queue_that_fails_takes_no_answer_with_it():
    def broken(ids: Sequence[UUID]) -> None:
        raise RuntimeError("no thread could be started")

    stored: list[int] = []

    def store(group: Sequence[NewWebhook], deadline_s: float) -> set[UUID]:
        stored.append(len(group))
        return all_new(group, deadline_s)

    commits = GroupCommit(store, broken)
    assert commit_all(commits, [webhook() for _ in range(8)]) == [True] * 8
    assert sum(stored) == 8
    assert commits.submit(webhook(), within_s=2).result(5)


def test_a_group_that_falls_apart_into_a_slow_database_is_given_up_in_time():
    """Its rows are not waited for one after the other."""

    def refusing(group: Sequence[NewWebhook], deadline_s: float) -> set[UUID]:
        if len(group) > 1:
            raise ValueError("one of them")
        time.sleep(deadline_s)
        raise StorageUnavailable(retry_after_s=2)

    slow = Slow(refusing)
    commits, first = begun(slow)
    others = [commits.submit(webhook(), within_s=1) for _ in range(60)]
    started_s = time.monotonic()
    slow.go.set()
    for waiting in (first, *others):
        with pytest.raises(StorageUnavailable):
            waiting.result(10)
    assert time.monotonic() - started_s < 4


def test_an_answer_that_fails_leaves_the_others_and_the_commit_alone():
    """Taken for a fault of the commit, it would have all of the group stored again, as redeliveries."""
    slow = Slow()
    commits, first = begun(slow)
    failing, other = commits.submit(webhook(), within_s=2), commits.submit(webhook(), within_s=2)
    failing.then(lambda _: [][0])
    slow.go.set()
    assert first.result(5)
    assert other.result(5)
    assert slow.groups == [1, 2]
