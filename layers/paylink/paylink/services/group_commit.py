"""Group commit: webhooks that arrive at the same time are stored in one transaction, so that its cost is shared."""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from paylink.core.errors import StorageUnavailable
from paylink.services.promise import Promise
from paylink.store.webhooks import NewWebhook

GROUP_MAX = 128
COMMIT_DEADLINE_S = 2.0

_PAUSE_PER_WEBHOOK_S = 0.0003
_PAUSE_S_MAX = 0.003
"""
After each group, longer after a larger one: a commit costs much the same whatever it holds, and what comes meanwhile
shares the next.
"""

_log = logging.getLogger("paylink")

_LEAST_DEADLINE_S = 0.5
"""A group gets this long, however little time its oldest webhook has left: the others fall with it."""


@dataclass
class _Waiting:
    """A webhook and who waits for its commit, until a time of the monotonic clock."""

    webhook: NewWebhook
    until_s: float
    new: Promise[bool] = field(default_factory=Promise)


class GroupCommit:
    """
    Stores webhooks of one process, a group at a time, from a thread of its own. Safe to share between threads.

    store: commits webhooks within so many seconds and returns the ids of those whose event is new.
    stored: told which events are new, after their commit and before the answers.
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

    def submit(self, webhook: NewWebhook, *, within_s: float) -> Promise[bool]:
        """
        Have a webhook committed. The promise tells whether its event is new, from the committing thread.

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
            try:
                self._commit_group(group)
            except BaseException as exc:
                # A defect of ours must not end this thread, and nobody may wait for ever.
                _log.exception("a group was not committed")
                _fail(group, exc)
            time.sleep(min(len(group) * _PAUSE_PER_WEBHOOK_S, _PAUSE_S_MAX))

    def _commit_group(self, group: Sequence[_Waiting]) -> None:
        now_s = time.monotonic()
        # Their providers are told so, and tell it again: they need not be stored now.
        _fail([waiting for waiting in group if waiting.until_s <= now_s], StorageUnavailable)
        in_time = [waiting for waiting in group if waiting.until_s > now_s]
        if not in_time:
            return
        until_s = max(now_s + _LEAST_DEADLINE_S, min(waiting.until_s for waiting in in_time))
        try:
            self._commit_together(in_time, until_s)
        except StorageUnavailable:
            _fail(in_time, StorageUnavailable)
        except Exception as exc:
            if len(in_time) == 1:
                _fail(in_time, exc)
            else:
                self._commit_apart(in_time, until_s)

    def _commit_apart(self, group: Sequence[_Waiting], until_s: float) -> None:
        """One row that Postgres refuses must not take the others of its group with it."""
        for number, waiting in enumerate(group):
            if time.monotonic() >= until_s:
                _fail(group[number:], StorageUnavailable)
                return
            try:
                self._commit_together([waiting], until_s)
            except StorageUnavailable:
                _fail(group[number:], StorageUnavailable)
                return
            except Exception as exc:
                _fail([waiting], exc)

    def _commit_together(self, group: Sequence[_Waiting], until_s: float) -> None:
        new = self._store([waiting.webhook for waiting in group], max(0.2, until_s - time.monotonic()))
        # Before the answers: where a process freezes after its answer, nothing would follow it.
        if new:
            self._tell(list(new))
        for waiting in group:
            waiting.new.keep(waiting.webhook.id in new)

    def _tell(self, new: Sequence[UUID]) -> None:
        try:
            self._stored(new)
        except Exception:
            # They are committed, and due: the relay queues them.
            _log.exception("what was stored could not be told")


def _fail(group: Sequence[_Waiting], error: BaseException | type[StorageUnavailable]) -> None:
    """Give those who still wait an error; StorageUnavailable to each its own, as several threads will raise it."""
    for waiting in group:
        if not waiting.new.done:
            waiting.new.break_(error if isinstance(error, BaseException) else error(retry_after_s=2))
