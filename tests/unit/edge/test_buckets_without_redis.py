"""Limits while Redis is away: each process keeps buckets of its own, and says so once."""

import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest

from paylink.core.errors import RateLimited
from paylink.core.secret import Secret
from paylink.edge import shared_redis
from paylink.edge.limits import Limit
from paylink.edge.rate_limit import Buckets, RateLimiter
from paylink.edge.shared_redis import SharedRedis

NOWHERE = Secret("unix:///nowhere/redis.sock")
SLOW = Limit(0.001, 3)


def test_a_bucket_holds_its_burst_and_then_nothing():
    buckets = Buckets(SharedRedis(NOWHERE))
    assert [buckets.take([("b", SLOW)])[0] for _ in range(5)] == [True] * 3 + [False] * 2


def test_a_bucket_fills_at_its_rate():
    buckets = Buckets(SharedRedis(NOWHERE))
    assert [buckets.take([("b", Limit(20, 1))])[0] for _ in range(2)] == [True, False]
    time.sleep(0.06)
    assert buckets.take([("b", Limit(20, 1))])[0]


def test_of_some_tokens_as_many_are_taken_as_there_are():
    buckets = Buckets(SharedRedis(NOWHERE))
    assert [buckets.take_some("b", SLOW, count) for count in (2, 5, 5, 0)] == [2, 1, 0, 0]


def test_where_one_bucket_is_empty_no_other_loses_a_token():
    buckets = Buckets(SharedRedis(NOWHERE))
    wanted = [("key", SLOW), ("merchant", Limit(0.001, 1))]
    assert buckets.take(wanted)[0]
    taken, held = buckets.take(wanted)
    assert (taken, [round(tokens) for tokens in held]) == (False, [2, 0])


def test_to_ask_takes_nothing():
    buckets = Buckets(SharedRedis(NOWHERE))
    for _ in range(5):
        taken, (tokens,) = buckets.take([("b", SLOW)], count=0)
        assert (taken, round(tokens)) == (True, 3)


def test_a_caller_is_told_of_the_bucket_that_keeps_it_waiting():
    limiter = RateLimiter(Buckets(SharedRedis(NOWHERE)), Limit(100, 100), Limit(0.1, 1))
    merchant = UUID(int=7)
    limiter.count([("plm_a", merchant)])[0].refuse_excess()
    with pytest.raises(RateLimited, match="a merchant has at most 1 requests at once") as refused:
        limiter.count([("plm_b", merchant)])[0].refuse_excess()
    assert refused.value.retry_after_s == 10
    limiter.count([("plo_c", None)])[0].refuse_excess()


def test_together_they_are_counted_one_after_the_other():
    buckets = Buckets(SharedRedis(NOWHERE))
    assert [taken for taken, _ in buckets.take_for_each([[("b", SLOW)]] * 5)] == [True] * 3 + [False] * 2


class Parrot:
    """A server that answers every command alike, when it is there."""

    def __init__(self, path: Path) -> None:
        self._server = socket.socket(socket.AF_UNIX)
        self._server.bind(str(path))
        self._server.listen()
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self._server.accept()
            except OSError:
                return
            while client.recv(65_536):
                client.sendall(b"*2\r\n$1\r\n1\r\n$1\r\n5\r\n")

    def close(self) -> None:
        self._server.close()


@pytest.fixture
def parrot(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "redis.sock"
    yield path
    path.unlink(missing_ok=True)


def test_that_redis_is_away_is_told_once_and_so_is_that_it_is_back(
    parrot: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(shared_redis, "_AWAY_S", 0)
    buckets = Buckets(SharedRedis(Secret(f"unix://{parrot}")))
    for _ in range(5):
        buckets.take([("b", SLOW)])
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "Redis is away" in caplog.records[0].getMessage()
    server = Parrot(parrot)
    for _ in range(3):
        assert buckets.take([("b", SLOW)]) == (True, [5.0])
    assert [record.getMessage() for record in caplog.records[1:]] == [
        "Redis is back: processes share their limits again"
    ]
    server.close()
