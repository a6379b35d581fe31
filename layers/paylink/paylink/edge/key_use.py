"""When keys were last used: gathered in memory and written beside the requests, none of which fails for it."""

import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from paylink.store.database import Database
from paylink.store.gathering import WRITE_WITHIN_S, Gathering

EVERY_S = 60.0
_NOTED_MAX = 10_000


@dataclass(frozen=True)
class UsedKey:
    """A key that proved itself. `rehashed`: its hash under the pepper in use, where the stored one is of another."""

    id: UUID
    of_operator: bool
    rehashed: bytes | None


class KeyUse:
    """Writes each key at most once a minute. Safe to share between threads; `close` when the process stops."""

    def __init__(
        self,
        database: Database,
        pepper_id: str,
        monotonic: Callable[[], float] = time.monotonic,
        *,
        by_caller: bool = False,
    ) -> None:
        """pepper_id: of the pepper in use. by_caller: see `Gathering`."""
        self._database = database
        self._pepper_id = pepper_id
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._noted: dict[UUID, float] = {}
        self._gathering = Gathering("key-use", self._write, by_caller=by_caller)

    def note(self, key: UsedKey) -> None:
        """Never raises."""
        now = self._monotonic()
        with self._lock:
            if now - self._noted.get(key.id, -EVERY_S) < EVERY_S:
                return
            if len(self._noted) >= _NOTED_MAX:
                self._noted.clear()
            self._noted[key.id] = now
        self._gathering.add(key)

    def close(self) -> None:
        self._gathering.close()

    def _write(self, used: Counter[UsedKey]) -> None:
        for query, of_operator in (("touch_api_keys", False), ("touch_operator_keys", True)):
            keys = [key for key in used if key.of_operator == of_operator]
            if keys:
                self._touch(query, keys)

    def _touch(self, query: str, keys: list[UsedKey]) -> None:
        self._database.run(
            lambda uow: uow.run(
                query,
                ids=[key.id for key in keys],
                hashes=[key.rehashed for key in keys],
                pepper_id=self._pepper_id,
            ),
            deadline_s=WRITE_WITHIN_S,
            one_statement=True,
        )
