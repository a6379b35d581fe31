"""Group commit: webhooks that arrive at the same time are stored in one transaction, so that its cost is shared."""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from paylink.core.errors import StorageUnavailable
from paylink.store.webhooks import NewWebhook

GROUP_MAX = 128
COMMIT_DEADLINE_S = 2.0


@dataclass
class _Waiting:
    """A webhook whose request waits for its commit. `done` is released once `new` or `error` is known."""

    webhook: NewWebhook
    new: bool = False
    error: BaseException | None = None
    done: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.done.acquire()


class GroupCommit:
    """
    Stores webhooks of one process, a group at a time. Safe to share between threads.

    store: commits webhooks and returns the ids of those whose event is new; takes seconds for its deadline.
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

    def commit(self, webhook: NewWebhook, *, within_s: float) -> bool:
        """
        Return once the webhook is committed: True when its event is new.

        Raises:
            StorageUnavailable: It was not committed in time; it may be yet.
        """
        waiting = _Waiting(webhook)
        with self._changed:
            self._waiting.append(waiting)
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="group-commit", daemon=True)
                self._thread.start()
            self._changed.notify()
        if not waiting.done.acquire(timeout=within_s):
            self._forget(waiting)
            raise StorageUnavailable(retry_after_s=2)
        if isinstance(waiting.error, StorageUnavailable):
            # One exception for several threads would carry all their tracebacks.
            raise StorageUnavailable(retry_after_s=2) from waiting.error
        if waiting.error is not None:
            raise waiting.error
        return waiting.new

    def _forget(self, waiting: _Waiting) -> None:
        """A webhook that nobody waits for any more need not be stored: its provider tells it again."""
        with self._changed:
            if waiting in self._waiting:
                self._waiting.remove(waiting)

    def _run(self) -> None:
        while True:
            with self._changed:
                while not self._waiting:
                    self._changed.wait()
                group, self._waiting = self._waiting[:GROUP_MAX], self._waiting[GROUP_MAX:]
            self._commit_group(group)

    def _commit_group(self, group: Sequence[_Waiting]) -> None:
        deadline = time.monotonic() + COMMIT_DEADLINE_S
        try:
            self._commit_together(group, COMMIT_DEADLINE_S)
        except StorageUnavailable as exc:
            for waiting in group:
                waiting.error = exc
        except BaseException as exc:
            if len(group) == 1:
                group[0].error = exc
            else:
                self._commit_apart(group, deadline)
        for waiting in group:
            waiting.done.release()

    def _commit_apart(self, group: Sequence[_Waiting], deadline: float) -> None:
        """One row that Postgres refuses must not take the others of its group with it."""
        for waiting in group:
            try:
                self._commit_together([waiting], max(0.2, deadline - time.monotonic()))
            except BaseException as exc:
                waiting.error = exc

    def _commit_together(self, group: Sequence[_Waiting], deadline_s: float) -> None:
        new = self._store([waiting.webhook for waiting in group], deadline_s)
        for waiting in group:
            waiting.new = waiting.webhook.id in new
        if new:
            self._stored(list(new))
