"""A key's use is handed on to be written at most once a minute, and nothing that happens then reaches the request."""

import threading
import time
import uuid
from typing import Any

from paylink.core.errors import StorageUnavailable
from paylink.edge import key_use
from paylink.edge.key_use import EVERY_S, KeyUse, UsedKey


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


class RecordingDatabase:
    """Stands for the database: keeps which ids are written by whom, or is away."""

    def __init__(self) -> None:
        self.written: list[tuple[str, list[uuid.UUID]]] = []
        self.threads: set[str] = set()
        self.away = False

    def run(self, work: Any, *, deadline_s: float, one_statement: bool) -> Any:
        self.threads.add(threading.current_thread().name)
        assert one_statement, "a process that is frozen behind it must hold no lock"
        if self.away:
            raise StorageUnavailable
        return work(RecordingUnitOfWork(self.written))


class RecordingUnitOfWork:
    def __init__(self, written: list[tuple[str, list[uuid.UUID]]]) -> None:
        self._written = written

    def run(self, query: str, *, ids: list[uuid.UUID], hashes: list[bytes | None], pepper_id: str) -> None:
        assert (len(hashes), pepper_id) == (len(ids), "k1")
        self._written.append((query, ids))


def made() -> tuple[RecordingDatabase, Clock, KeyUse]:
    database, clock = RecordingDatabase(), Clock()
    return database, clock, KeyUse(database, "k1", clock)  # type: ignore[arg-type]  # a stand-in


def await_writes(database: RecordingDatabase, count: int) -> None:
    for _ in range(300):
        if len(database.written) >= count:
            return
        time.sleep(0.01)
    assert len(database.written) >= count


def test_a_key_is_written_once_a_minute_however_often_it_is_used():
    database, clock, use = made()
    key = UsedKey(uuid.uuid4(), of_operator=False, rehashed=None)
    for _ in range(1000):
        use.note(key)
    await_writes(database, 1)
    clock.now += EVERY_S - 0.1
    use.note(key)
    time.sleep(0.05)
    assert database.written == [("touch_api_keys", [key.id])]
    clock.now += 0.2
    use.note(key)
    await_writes(database, 2)
    assert database.threads == {"key-use"}
    use.close()


def test_each_kind_goes_to_its_table():
    database, _, use = made()
    keys = [UsedKey(uuid.uuid4(), of_operator, None) for of_operator in (True, False)]
    for key in keys:
        use.note(key)
    use.close()
    await_writes(database, 2)
    assert sorted(database.written) == [("touch_api_keys", [keys[1].id]), ("touch_operator_keys", [keys[0].id])]


def test_a_database_that_is_away_costs_a_request_nothing():
    database, _, use = made()
    database.away = True
    key = UsedKey(uuid.uuid4(), of_operator=False, rehashed=None)
    began = time.monotonic()
    use.note(key)
    assert time.monotonic() - began < 0.1
    time.sleep(0.05)
    database.away = False
    use.close()
    await_writes(database, 1)


def test_what_is_remembered_is_bounded():
    _, _, use = made()
    for _ in range(key_use._NOTED_MAX + 10):
        use.note(UsedKey(uuid.uuid4(), of_operator=False, rehashed=None))
    assert len(use._noted) <= key_use._NOTED_MAX
    use.close()
