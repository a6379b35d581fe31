"""Our words of Redis' protocol, spoken to a real Valkey."""

import socket
import uuid
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from paylink.core.secret import Secret
from paylink.edge.limits import Limit
from paylink.edge.rate_limit import Buckets
from paylink.edge.redis_link import RedisLink, RedisRefused, RedisUnavailable
from paylink.edge.shared_redis import SharedRedis
from paylink_local.services.testing import embedded_services
from support.redis import serving_redis


@pytest.fixture
def link(services: dict[str, str]) -> RedisLink:
    return RedisLink(Secret(services["PAYLINK_REDIS_URL"]))


@pytest.fixture
def name() -> str:
    return uuid.uuid4().hex


def test_every_kind_of_answer_is_read(link: RedisLink, name: str):
    assert link.run("PING") == b"PONG"
    assert link.run("GET", name) is None
    assert link.run("SET", name, b"a\r\nb\0\xff") == b"OK"
    assert link.run("GET", name) == b"a\r\nb\0\xff"
    assert link.run("STRLEN", name) == 6
    assert link.run("MGET", name, name + "x") == [b"a\r\nb\0\xff", None]
    assert link.run_script("return {1, {'b', false}}", [], []) == [1, [b"b", None]]
    assert link.run("SET", name, "", "PX", 1000) == b"OK"
    assert link.run("GET", name) == b""


def test_a_refused_command_is_told_and_the_connection_stays(link: RedisLink):
    with pytest.raises(RedisRefused, match=r"^ERR$"):
        link.run("GET")
    assert link.run("PING") == b"PONG"


def test_a_script_that_redis_has_forgotten_is_sent_again(link: RedisLink):
    script = f"return 'kept' -- {uuid.uuid4()}"
    assert link.run_script(script, [], []) == b"kept"
    link.run("SCRIPT", "FLUSH")
    assert link.run_script(script, [], []) == b"kept"


def test_a_connection_that_died_idle_is_replaced(link: RedisLink):
    """Redis may close what is idle; no request is lost for it."""
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda _: link.run("PING"), range(40)))
    link.run("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
    assert [link.run("PING") for _ in range(8)] == [b"PONG"] * 8


def test_threads_never_get_each_others_answers(link: RedisLink):
    def echo(number: int) -> bool:
        return bool(link.run("ECHO", number) == str(number).encode())

    with ThreadPoolExecutor(16) as threads:
        assert all(threads.map(echo, range(2000)))


def test_a_redis_that_does_not_answer_is_waited_for_no_longer_than_told(services: dict[str, str]):
    hasty = RedisLink(Secret(services["PAYLINK_REDIS_URL"]), timeout_s=0.05)
    with pytest.raises(RedisUnavailable):
        hasty.run("BLPOP", uuid.uuid4().hex, 1)
    assert hasty.run("PING") == b"PONG"


@pytest.mark.parametrize("url", ["unix:///nowhere.sock", "redis://127.0.0.1:1/0", "redis://:wrong@nowhere.invalid"])
def test_one_that_is_not_there_is_told_without_its_address(url: str):
    with pytest.raises(RedisUnavailable) as caught:
        RedisLink(Secret(url)).run("PING")
    assert "wrong" not in str(caught.value)


def test_user_password_and_database_are_those_of_the_address(tmp_path: Path):
    with embedded_services(tmp_path, {"valkey"}) as environ:
        url = environ["PAYLINK_REDIS_URL"].removesuffix("?db=0")
        root = RedisLink(Secret(url))
        root.run("ACL", "SETUSER", "shop", "on", ">p@ss/word", "~*", "+@all")
        named = RedisLink(Secret(url.replace("unix://", "unix://shop:p%40ss%2Fword@", 1) + "?db=3"))
        assert named.run("ACL", "WHOAMI") == b"shop"
        named.run("SET", "a", "b")
        assert (root.run("GET", "a"), named.run("GET", "a")) == (None, b"b")
        with pytest.raises(RedisUnavailable, match="WRONGPASS") as caught:
            RedisLink(Secret(url.replace("unix://", "unix://shop:guessed@", 1))).run("PING")
        assert "guessed" not in str(caught.value)


def test_of_a_refusal_only_the_first_word_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    """A Redis, or a proxy before one, that does not know AUTH repeats the password."""
    with (
        serving_redis(tmp_path, "--rename-command", "AUTH", "") as port,
        closing(socket.create_connection(("127.0.0.1", port))) as client,
    ):
        client.sendall(b"AUTH the-password\r\n")
        assert b"the-password" in client.recv(200)
        url = Secret(f"redis://:the-password@127.0.0.1:{port}/0")
        with pytest.raises(RedisUnavailable) as caught:
            RedisLink(url).run("PING")
        assert str(caught.value) == "ERR"
        Buckets(SharedRedis(url)).take([("x", Limit(1, 1))])
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "the-password" not in caplog.text


def test_what_is_no_kind_of_refusal_is_told_as_an_error(tmp_path: Path):
    with socket.socket(socket.AF_UNIX) as server, ThreadPoolExecutor(1) as threads:
        server.bind(str(tmp_path / "redis.sock"))
        server.listen()

        def refuse() -> None:
            client, _ = server.accept()
            with client:
                client.recv(4096)
                client.sendall(b"-the-password is wrong\r\n")

        refused = threads.submit(refuse)
        with pytest.raises(RedisUnavailable) as caught:
            RedisLink(Secret(f"unix://:the-password@{tmp_path}/redis.sock")).run("PING")
        refused.result()
    assert str(caught.value) == "ERR"


def test_processes_share_buckets_in_one_round_trip(services: dict[str, str], link: RedisLink, name: str):
    one, other = (Buckets(SharedRedis(Secret(services["PAYLINK_REDIS_URL"]))) for _ in range(2))
    wanted = [(f"{name}:key", Limit(0.001, 4)), (f"{name}:merchant", Limit(0.001, 3))]
    one.take(wanted, count=0)
    before = commands(link)
    taken = [buckets.take(wanted)[0] for buckets in (one, other, one, other)]
    assert taken == [True, True, True, False]
    assert commands(link) - before == 4
    _, held = one.take(wanted, count=0)
    assert [round(tokens) for tokens in held] == [1, 0]


def commands(link: RedisLink) -> int:
    """How many scripts were run."""
    lines = link.run("INFO", "commandstats").decode().splitlines()
    stats = dict(line.split(":", 1) for line in lines if line.startswith("cmdstat_eval"))
    return sum(int(text.split(",")[0].removeprefix("calls=")) for text in stats.values())


def test_a_script_is_run_for_many_in_one_round_trip_and_in_their_order(link: RedisLink, name: str):
    script = f"-- {name}\nreturn {{KEYS[1], ARGV[1]}}"
    calls = [([f"{name}:{n}"], [n]) for n in range(50)]
    expected = [[f"{name}:{n}".encode(), str(n).encode()] for n in range(50)]
    # Nobody has told Redis of it before.
    assert link.run_script_often(script, calls) == expected
    assert link.run_script_often(script, calls) == expected
    assert link.run_script_often(script, []) == []


def test_a_script_that_redis_forgot_runs_once_for_each(link: RedisLink, name: str):
    script = f"-- {name}\nreturn redis.call('INCR', KEYS[1])"
    assert link.run_script_often(script, [([name], [])] * 3) == [1, 2, 3]
    link.run("SCRIPT", "FLUSH")
    assert link.run_script_often(script, [([name], [])] * 3) == [4, 5, 6]


def test_one_refused_call_of_many_is_told_and_the_connection_goes_on(link: RedisLink, name: str):
    link.run("SET", f"{name}:text", "x")
    script = "return redis.call('INCR', KEYS[1])"
    one, refused, other = link.run_script_often(script, [([f"{name}:{which}"], []) for which in ("a", "text", "b")])
    assert (one, type(refused), other) == (1, RedisRefused, 1)
    assert [link.run("GET", f"{name}:{which}") for which in ("a", "b")] == [b"1", b"1"]


def test_requests_that_are_counted_together_are_counted_as_if_one_came_after_the_other(
    services: dict[str, str], link: RedisLink, name: str
):
    buckets = Buckets(SharedRedis(Secret(services["PAYLINK_REDIS_URL"])))
    both = [(f"{name}:key", Limit(0.001, 4)), (f"{name}:merchant", Limit(0.001, 3))]
    other = [(f"{name}:other", Limit(0.001, 1))]
    buckets.take(both, count=0)
    before = commands(link)
    taken = buckets.take_for_each([both, other, both, other, both, both])
    assert [got for got, _ in taken] == [True, True, True, False, True, False]
    assert [[round(tokens) for tokens in held] for _, held in taken] == [[3, 2], [0], [2, 1], [0], [1, 0], [1, 0]]
    assert commands(link) - before == 6


def test_a_bucket_that_redis_refuses_changes_nothing_for_the_others(
    services: dict[str, str], link: RedisLink, name: str, caplog: pytest.LogCaptureFixture
):
    buckets = Buckets(SharedRedis(Secret(services["PAYLINK_REDIS_URL"])))
    full, broken = [(f"{name}:full", Limit(0.001, 1))], [(f"{name}:broken", Limit(0.001, 2))]
    buckets.take(full)
    link.run("SET", f"paylink:bucket:{name}:broken", "no hash")
    taken = [got for got, _ in buckets.take_for_each([full, broken, broken, broken, full])]
    assert taken == [False, True, True, False, False]
    assert [record.levelname for record in caplog.records] == ["WARNING"]


def test_nobody_gets_more_than_the_bucket_holds(services: dict[str, str], name: str):
    buckets = Buckets(SharedRedis(Secret(services["PAYLINK_REDIS_URL"])))
    with ThreadPoolExecutor(16) as threads:
        taken = list(threads.map(lambda _: buckets.take([(name, Limit(0.001, 50))])[0], range(400)))
    assert sum(taken) == 50
