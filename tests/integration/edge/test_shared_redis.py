"""A Redis that is there and refuses: a cluster, and one that takes no writes."""

import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from paylink.core.breaker import CLOSED, OPEN, BreakerRules
from paylink.core.secret import Secret
from paylink.edge import shared_redis
from paylink.edge.breakers import Breakers
from paylink.edge.limits import Limit
from paylink.edge.rate_limit import Buckets, PullBudget, RateLimiter
from paylink.edge.redis_link import RedisLink
from paylink.edge.shared_redis import SharedRedis
from paylink_local.services.testing import free_port
from support.redis import serving_redis


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Secret]:
    """One that refuses scripts over keys of several slots, as ElastiCache Serverless does."""
    bus = ("--cluster-enabled", "yes", "--cluster-port", str(free_port()))
    with serving_redis(tmp_path, *bus) as port:
        url = Secret(f"redis://127.0.0.1:{port}/0")
        link = RedisLink(url)
        link.run("CLUSTER", "ADDSLOTSRANGE", 0, 16383)
        for _ in range(200):
            if b"cluster_state:ok" in link.run("CLUSTER", "INFO"):
                break
            time.sleep(0.025)
        yield url
        link.close()


def test_processes_share_limits_and_breakers_in_a_cluster(cluster: Secret, caplog: pytest.LogCaptureFixture):
    processes = [SharedRedis(cluster) for _ in range(3)]
    merchant, operators = uuid.uuid4(), None
    limiters = [RateLimiter(Buckets(shared), Limit(0.001, 4), Limit(0.001, 5)) for shared in processes]
    assert [one.count([("plm_x", merchant)])[0].taken for one in limiters * 2] == [True] * 4 + [False] * 2
    assert [one.count([("plm_y", merchant)])[0].taken for one in limiters] == [True, False, False]
    assert [one.count([("plo_x", operators)])[0].taken for one in limiters * 2] == [True] * 4 + [False] * 2
    budgets = [PullBudget(Buckets(shared)) for shared in processes]
    assert [one.wait_s(merchant, 0.5) > 0 for one in budgets] == [False, True, True]
    account = uuid.uuid4()
    assert [one.take(account, 0.001, 1) for one in budgets] == [1, 0, 0]
    account = uuid.uuid4()
    assert [one.take(account, 3, count) for one, count in zip(budgets, (0, 4, 64), strict=True)] == [0, 4, 2]
    assert budgets[0].wait_s(account, 3) > 0
    accounts = [uuid.uuid4() for _ in range(5)]
    one, other, _ = (Breakers(shared, BreakerRules(failures_min=1)) for shared in processes)
    one.report(accounts[0], one.admit(accounts[0]), worked=False)
    assert other.states(accounts) == [OPEN] + [CLOSED] * 4
    assert not caplog.records


@pytest.fixture
def replica(tmp_path: Path) -> Iterator[Secret]:
    """One that reads and refuses to write, as after a failover whose address was kept."""
    with serving_redis(tmp_path) as port:
        url = Secret(f"redis://127.0.0.1:{port}/0")
        RedisLink(url).run("SET", "kept", "yes")
        RedisLink(url).run("REPLICAOF", "127.0.0.1", free_port())
        yield url


def test_what_is_refused_is_told_once_and_all_else_is_asked(
    replica: Secret, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
):
    shared = SharedRedis(replica)
    buckets = Buckets(shared)
    assert [buckets.take([("b", Limit(0.001, 3))])[0] for _ in range(5)] == [True] * 3 + [False] * 2
    assert shared.ask(lambda: shared.link.run("GET", "kept"), lambda: b"no") == b"yes"
    told = "Redis refuses a command: each process keeps limits of its own for what it asks (READONLY)"
    assert [record.getMessage() for record in caplog.records] == [told]
    monkeypatch.setattr(shared_redis, "_TELL_EVERY_S", 0)
    buckets.take([("b", Limit(0.001, 3))])
    assert [record.getMessage() for record in caplog.records] == [told] * 2
