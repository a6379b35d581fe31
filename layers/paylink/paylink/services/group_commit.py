"""Group commit: webhooks that arrive at the same time are stored in one transaction, so that its cost is shared."""

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from uuid import UUID

from paylink.core.errors import StorageUnavailable
from paylink.store.webhooks import NewWebhook

GROUP_MAX = 128
COMMIT_DEADLINE_S = 2.0

_LEAST_DEADLINE_S = 0.5
"""A group gets this long, however little time its oldest webhook has left: the others fall with it."""


@dataclass
class _Waiting:
    """A webhook and who waits for its commit, until a time of the monotonic clock."""

    webhook: NewWebhook
    until_s: float
    new: "Future[bool]" = field(default_factory=Future)


class GroupCommit:
    """
    Stores webhooks of one process, a group at a time, from a thread of its own. Safe to share between threads.

    store: commits webhooks within so many seconds and returns the ids of those whose event is new.
    stored: told which events are new, after their commit. It must not raise.
    """

    def __init__(
        self,
        store: Callable[[Sequence[NewWebhook], float], set[UUID]],
        stored: Callable[[Sequence[UUID]], None],
    ) -> None:
        self._store = store
        self._stored = stored
        self._waiting: list[_Waiting] = []
        self._changed = threading.Condition(threading.Lock())
        self._thread: threading.Thread | None = None

    def submit(self, webhook: NewWebhook, *, within_s: float) -> "Future[bool]":
        """
        Have a webhook committed. The future tells whether its event is new, from the committing thread.

        It raises StorageUnavailable when that takes longer; the webhook may be stored all the same.
        """
        waiting = _Waiting(webhook, time.monotonic() + within_s)
        with self._changed:
            self._waiting.append(waiting)
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="group-commit", daemon=True)
                self._thread.start()
            self._changed.notify()
        return waiting.new

    def _run(self) -> None:
        while True:
            with self._changed:
                while not self._waiting:
                    self._changed.wait()
                group, self._waiting = self._waiting[:GROUP_MAX], self._waiting[GROUP_MAX:]
            self._commit_group(group)

    def _commit_group(self, group: Sequence[_Waiting]) -> None:
        now_s = time.monotonic()
        for waiting in group:
            if waiting.until_s <= now_s:
                # Its provider is told so, and tells it again: it need not be stored now.
                waiting.new.set_exception(StorageUnavailable(retry_after_s=2))
        in_time = [waiting for waiting in group if waiting.until_s > now_s]
        if not in_time:
            return
        until_s = max(now_s + _LEAST_DEADLINE_S, min(waiting.until_s for waiting in in_time))
        try:
            self._commit_together(in_time, until_s)
        except StorageUnavailable:
            for waiting in in_time:
                waiting.new.set_exception(StorageUnavailable(retry_after_s=2))
        except BaseException as exc:
            if len(in_time) == 1:
                in_time[0].new.set_exception(exc)
            else:
                self._commit_apart(in_time, until_s)

    def _commit_apart(self, group: Sequence[_Waiting], until_s: float) -> None:
        """One row that Postgres refuses must not take the others of its group with it."""
        for waiting in group:
            try:
                self._commit_together([waiting], until_s)
            except BaseException as exc:
                waiting.new.set_exception(exc)

    def _commit_together(self, group: Sequence[_Waiting], until_s: float) -> None:
        new = self._store([waiting.webhook for waiting in group], max(0.2, until_s - time.monotonic()))
        # First the answers: their senders wait.
        for waiting in group:
            waiting.new.set_result(waiting.webhook.id in new)
        if new:
            self._stored(list(new))
