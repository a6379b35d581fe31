"""
Which account a webhook's path stands for.

All names are read together once a minute. On a name that is not among them those that are new are read, at most once a
second: strangers choose names, and however many they try, they cost one small read a second and push no known name out.
"""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from uuid import UUID

from paylink.core.errors import StorageUnavailable
from paylink.store.database import Database

FRESH_S = 60.0
STALE_S = 3600.0
AWAY_S = 5.0
"""How long the database is not asked again after it failed to answer, while memory will do."""

READ_EVERY_S = 1.0

_UNKNOWN_WAIT_S = 0.05
"""How long an unknown name waits for another's read. The threads of the door are few, and good webhooks need them."""

_Key = tuple[str, str | None]


@dataclass(frozen=True)
class _Names:
    at: float
    """When all were read."""
    ids: Mapping[_Key, UUID] = field(default_factory=dict)


class AccountNames:
    """Safe to share between threads."""

    def __init__(self, database: Database, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._database = database
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._names = _Names(at=-STALE_S)
        self._tried_at = -STALE_S
        self._failed = False

    def find(self, provider: str, name: str | None, *, deadline_s: float) -> UUID | None:
        """
        Return the account's id; without a name, that of the provider's default account.

        None: there is no such account, or it was made less than a second ago.

        Raises:
            StorageUnavailable: It is not in memory and the database cannot answer.
        """
        key = (provider, name)
        names = self._names
        known = key in names.ids
        if known and self._age_s(names) < FRESH_S:
            return names.ids[key]
        # One thread reads. Who has an answer does not wait for it.
        if self._lock.acquire(timeout=0 if known else min(deadline_s, _UNKNOWN_WAIT_S)):
            try:
                self._read_if_due(AWAY_S if self._failed and known else READ_EVERY_S, deadline_s)
            finally:
                self._lock.release()
        elif not known:
            raise StorageUnavailable(retry_after_s=2)
        names = self._names
        if self._age_s(names) >= STALE_S or (self._failed and key not in names.ids):
            raise StorageUnavailable(retry_after_s=2)
        return names.ids.get(key)

    def _age_s(self, names: _Names) -> float:
        return self._monotonic() - names.at

    def _read_if_due(self, pause_s: float, deadline_s: float) -> None:
        began = self._monotonic()
        if began - self._tried_at < pause_s:
            return
        names = self._names
        all_of_them = self._age_s(names) >= FRESH_S
        query = "list_account_names" if all_of_them else "list_new_account_names"
        try:
            rows = self._database.run(lambda uow: uow.all(query), deadline_s=deadline_s)
        except StorageUnavailable:
            self._failed = True
        else:
            ids: dict[_Key, UUID] = {(row["provider"], row["name"]): row["id"] for row in rows}
            ids |= {(row["provider"], None): row["id"] for row in rows if row["has_short_address"]}
            self._names = _Names(began, ids) if all_of_them else _Names(names.at, {**names.ids, **ids})
            self._failed = False
        self._tried_at = self._monotonic()
