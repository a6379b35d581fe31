"""Promise 1: a 2xx means committed; when Postgres cannot commit in time the answer is 503, and nothing hangs."""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg2
import pytest

from paylink.core.secret import Secret
from paylink.runtime.settings import default_sql_dir
from paylink.store.migrations import migrate
from paylink_local.commands.seed import seed
from paylink_local.services.testing import embedded_services
from support.signing import signed_event
from support.stack import Answer, Stack


def deliver(stack: Stack, number: int) -> Answer:
    raw, signature = signed_event(stack.environ["PAYLINK_STRIPE_WEBHOOK_SECRET"], f"evt_{number}")
    return stack.call("POST", "/v1/webhook/stripe", headers={"Stripe-Signature": signature}, raw=raw)


@pytest.fixture
def own_postgres(stack: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """A Postgres that this test alone may stop; gives the postmaster's process id."""
    shared_url = stack.environ["PAYLINK_DATABASE_URL"]
    with embedded_services(tmp_path / "own", {"postgres"}) as environ:
        url = environ["PAYLINK_DATABASE_URL"]
        migrate(Secret(url), default_sql_dir() / "migrations")
        use_database(stack, url)
        seed(stack.environ)
        with psycopg2.connect(url) as connection, connection.cursor() as cursor:
            cursor.execute("select pg_backend_pid()")
            backend = cursor.fetchone()[0]
            postmaster = int(Path(f"/proc/{backend}/stat").read_text().rsplit(")", 1)[1].split()[1])
        connection.close()
        yield postmaster
        stack.assert_accounting_closes()
    stack.received.clear()
    use_database(stack, shared_url)


def use_database(stack: Stack, url: str) -> None:
    stack.environ["PAYLINK_DATABASE_URL"] = url
    stack.deps.database._url = Secret(url)
    stack.deps.database.close()


def test_a_postgres_that_hangs_is_answered_with_503_in_time(stack: Stack, own_postgres: int):
    """Every process of the server stops dead, as on a machine that swaps: no answer, no closed socket."""
    assert deliver(stack, 1).status == 200
    family = [own_postgres, *children(own_postgres)]
    for pid in family:
        os.kill(pid, signal.SIGSTOP)
    try:
        started = time.monotonic()
        answer = deliver(stack, 2)
        assert time.monotonic() - started < 4.5
        assert (answer.status, answer.headers["Retry-After"]) == (503, "2")
        assert answer.body["retryable"] is True
    finally:
        for pid in reversed(family):
            os.kill(pid, signal.SIGCONT)
    assert deliver(stack, 2).status == 200


def test_a_postgres_that_is_killed_is_used_again_when_it_is_back(stack: Stack, own_postgres: int):
    """Nobody restarts PayLink: pooled connections that died are replaced, and no promised event is gone."""
    assert deliver(stack, 1).status == 200
    os.kill(own_postgres, signal.SIGKILL)
    statuses = []
    for number in range(2, 2000):
        statuses.append(deliver(stack, number).status)
        if statuses[-1] == 200 and 503 in statuses:
            break
        time.sleep(0.01)
    assert set(statuses) == {200, 503}
    assert deliver(stack, 1).body["duplicate"] is True
    promised = 1 + statuses.count(200)
    assert stack.rows("select count(*) as n from webhook_events")[0]["n"] >= promised


def children(pid: int) -> list[int]:
    return [int(c) for c in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def test_secrets_stay_in_memory_while_postgres_is_away(stack: Stack, own_postgres: int):
    """A bad signature is still refused as such: the account is known from before."""
    assert deliver(stack, 1).status == 200
    for key, cached in list(stack.deps.accounts._cache.items()):
        stack.deps.accounts._cache[key] = type(cached)(cached.account, cached.at - 120)
    os.kill(own_postgres, signal.SIGSTOP)
    family = children(own_postgres)
    for pid in family:
        os.kill(pid, signal.SIGSTOP)
    try:
        bad = stack.call("POST", "/v1/webhook/stripe", headers={"Stripe-Signature": "t=1,v1=00"}, raw=b"{}")
        assert bad.status == 401
    finally:
        for pid in [*family, own_postgres]:
            os.kill(pid, signal.SIGCONT)


def test_a_server_that_became_a_replica_is_left_when_it_is_one_no_more(stack: Stack):
    """After a failover pooled connections may still reach the old primary, which then only reads."""
    name = stack.environ["PAYLINK_DATABASE_URL"].split("?")[0].rsplit("/", 1)[1]
    assert deliver(stack, 1).status == 200
    stack.rows(f'alter database "{name}" set default_transaction_read_only = on')
    stack.deps.database.close()
    assert deliver(stack, 2).status == 503
    with psycopg2.connect(stack.environ["PAYLINK_DATABASE_URL"]) as connection, connection.cursor() as cursor:
        cursor.execute("set transaction read write")
        cursor.execute(f'alter database "{name}" set default_transaction_read_only = off')
    connection.close()
    assert [deliver(stack, 2).status for _ in range(3)] == [200, 200, 200]
