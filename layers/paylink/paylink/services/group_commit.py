"""Group commit: webhooks that arrive at the same time are stored in one transaction, so that its cost is shared."""

import logging
from collections.abc import Callable, Sequence
from uuid import UUID

from paylink.services.groups import Groups
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


class GroupCommit:
    """
    Stores webhooks of one process, a group at a time, from a thread of its own. Safe to share between threads.

    store: commits webhooks within so many seconds and returns the ids of those whose event is new.
    stored: told which events are new, after their commit and before the answers.
    by_caller: see `Groups`.
    """

    def __init__(
        self,
        store: Callable[[Sequence[NewWebhook], float], set[UUID]],
        stored: Callable[[Sequence[UUID]], None],
        *,
        by_caller: bool = False,
    ) -> None:
        self._store = store
        self._stored = stored
        self._groups: Groups[NewWebhook, bool] = Groups(
            "group-commit",
            self._commit,
            size_max=GROUP_MAX,
            by_caller=by_caller,
            pause_s=lambda size: min(size * _PAUSE_PER_WEBHOOK_S, _PAUSE_S_MAX),
        )

    def submit(self, webhook: NewWebhook, *, within_s: float) -> Promise[bool]:
        """
        Have a webhook committed. The promise tells whether its event is new, from the committing thread.

        It raises StorageUnavailable when that takes longer; the webhook may be stored all the same.
        """
        return self._groups.submit(webhook, within_s=within_s)

    def _commit(self, webhooks: Sequence[NewWebhook], within_s: float) -> list[bool]:
        new = self._store(webhooks, within_s)
        # Before the answers: where a process freezes after its answer, nothing would follow it.
        if new:
            self._tell(list(new))
        return [webhook.id in new for webhook in webhooks]

    def _tell(self, new: Sequence[UUID]) -> None:
        try:
            self._stored(new)
        except Exception:
            # They are committed, and due: the relay queues them.
            _log.exception("what was stored could not be told")
