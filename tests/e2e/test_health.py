"""Health, `paylink status` and `paylink doctor` beside a whole stack, while parts of it stand still or are gone."""

import json
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psutil
import pytest
import urllib3

from paylink_local.supervisor.home import Home
from paylink_local.supervisor.status import read_status
from support.running import COMMAND, RunningStack, started

REMEMBERED_S = 1.2


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    """A stack of this module's own: what it stops, others need."""
    with started(tmp_path_factory.mktemp("own")) as stack:
        yield stack


def ask(stack: RunningStack, path: str) -> tuple[int, Any, float]:
    """Return status, body, and how many seconds it took."""
    began = time.monotonic()
    answer = urllib3.request("GET", stack.api + path, retries=False, timeout=20)
    return answer.status, json.loads(answer.data), time.monotonic() - began


@contextmanager
def standing_still(stack: RunningStack, name: str) -> Iterator[None]:
    """Stop every process of a service: it keeps its connections and answers nothing."""
    [pid] = [service.pid for service in stack.status().services if service.name == name]
    assert pid is not None
    service = psutil.Process(pid)
    processes = [service, *service.children(recursive=True)]
    for process in processes:
        process.suspend()
    try:
        time.sleep(REMEMBERED_S)
        yield
    finally:
        for process in reversed(processes):
            process.resume()


def await_ready(stack: RunningStack) -> None:
    stop_at = time.monotonic() + 30
    while time.monotonic() < stop_at:
        status, body, _ = ask(stack, "/healthz/ready")
        if status == 200 and body["status"] == "ok":
            return
        time.sleep(0.2)
    raise AssertionError((status, body))


def test_with_all_there_it_is_ready_and_tells_each_latency(own: RunningStack):
    await_ready(own)
    status, body, _ = ask(own, "/healthz/ready")
    assert status == 200
    assert list(body["dependencies"]) == ["database", "redis", "queue"]
    for one in body["dependencies"].values():
        assert one["status"] == "ok"
        assert 0 <= one["latency_ms"] < 2000
    assert ask(own, "/healthz")[:2] == (200, {"status": "ok", "database": "ok"})
    assert ask(own, "/healthz/live")[:2] == (200, {"status": "ok"})


@pytest.mark.parametrize(("service", "dependency"), [("valkey", "redis"), ("localstack", "queue")])
def test_without_redis_or_the_queue_it_is_ready_degraded_and_says_so(own: RunningStack, service: str, dependency: str):
    """In bounded time, although nothing refuses the connection."""
    await_ready(own)
    with standing_still(own, service):
        status, body, took_s = ask(own, "/healthz/ready")
        assert (status, body["status"]) == (200, "degraded")
        away = {name for name, one in body["dependencies"].items() if one["status"] == "away"}
        assert away == {dependency}
        assert body["dependencies"][dependency]["latency_ms"] is None
        assert took_s < 4
        assert ask(own, "/healthz")[:2] == (200, {"status": "ok", "database": "ok"})
    await_ready(own)


def test_without_postgres_it_is_not_ready_and_lives(own: RunningStack):
    await_ready(own)
    with standing_still(own, "postgres"):
        for path in ("/healthz/ready", "/healthz"):
            status, body, took_s = ask(own, path)
            assert (status, body["type"].rpartition("#")[2]) == (503, "storage-unavailable")
            assert took_s < 4
        status, body, _ = ask(own, "/healthz/ready")
        assert body["detail"].startswith("database: away; redis: ")
        status, body, took_s = ask(own, "/healthz/live")
        assert (status, body) == (200, {"status": "ok"})
        assert took_s < 1
        doctor = examined(own)
        assert {one["check"] for one in doctor["findings"] if one["level"] == "wrong"} == {"postgres"}
        glance = own.paylink("status")
        assert glance.returncode == 0, "its process lives"
        assert "Figures        the database does not answer" in glance.stdout
    await_ready(own)


def test_no_health_tells_an_address_a_version_or_a_reason(own: RunningStack):
    await_ready(own)
    told = []
    for service in ("valkey", "postgres"):
        with standing_still(own, service):
            told += [json.dumps(ask(own, path)[1]) for path in ("/healthz", "/healthz/live", "/healthz/ready")]
        await_ready(own)
    text = " ".join(told).lower()
    for word in ("/", ".sock", "127.0.0.1", "postgresql", "valkey", "localstack", "timeout", "error", "psycopg"):
        assert word not in text.replace("https://paylink.dev/docs/errors#storage-unavailable", ""), word


def examined(stack: RunningStack, *options: str) -> dict[str, Any]:
    done = stack.paylink("doctor", "--json", *options)
    told: dict[str, Any] = json.loads(done.stdout)
    assert done.returncode == (1 if told["wrong"] else 0), done.stderr
    return told


def test_the_doctor_finds_nothing_at_a_healthy_stack(own: RunningStack):
    await_ready(own)
    told = examined(own)
    assert [one for one in told["findings"] if one["level"] != "ok"] == []
    checks = {one["check"] for one in told["findings"]}
    assert checks >= {"settings", "disk", "files", "services", "postgres", "durability", "clock", "migrations"}
    assert checks >= {"master_keys", "peppers", "api_keys", "accounts", "webhook_secrets", "partitions", "schedules"}
    assert checks >= {"accounting", "redis", "sqs", "queues", "providers"}


def test_the_doctor_tells_which_service_is_gone(own: RunningStack):
    await_ready(own)
    with standing_still(own, "valkey"):
        told = examined(own)
    assert {one["check"] for one in told["findings"] if one["level"] == "wrong"} == {"redis"}
    (own.home / "secrets.env").chmod(0o644)
    try:
        [open_to_all] = [one for one in examined(own)["findings"] if one["level"] == "wrong"]
    finally:
        (own.home / "secrets.env").chmod(0o600)
    assert open_to_all["check"] == "files"
    assert open_to_all["mend"] == f"chmod go-rwx {own.home / 'secrets.env'}"


def test_status_shows_what_was_paid(own: RunningStack):
    await_ready(own)
    assert own.paylink("demo").returncode == 0
    told = json.loads(own.paylink("status", "--json").stdout)
    assert told["running"] is True
    assert {service["state"] for service in told["services"]} == {"healthy", "done"}
    assert told["accounting"]["imbalance"] == 0
    places = told["accounting"]["applied"] + told["accounting"]["ignored"]
    assert told["accounting"]["new"] == places + sum(one["count"] for one in told["events"].values())
    assert told["accounting"]["applied"] >= 3
    queues = {"webhook-events", "webhook-events-dead", "reconciliation", "reconciliation-dead"}
    assert {queue["name"] for queue in told["queues"] if queue["ready"] is not None} == queues
    text = own.paylink("status").stdout
    assert f"{told['accounting']['new']} received = " in text
    assert "it closes" in text
    assert "\nBreakers       all closed\n" in text


def test_status_is_watched_until_it_is_interrupted(own: RunningStack):
    await_ready(own)
    # Where the tests run in the background interrupts are ignored, which a child would inherit.
    ours = signal.signal(signal.SIGINT, signal.default_int_handler)
    watched = subprocess.Popen(
        [COMMAND, "status", "--watch"], env=own.environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    signal.signal(signal.SIGINT, ours)
    assert watched.stdout is not None
    shown = 0
    while shown < 2:
        shown += watched.stdout.readline().startswith("Last run")
    watched.send_signal(signal.SIGINT)
    _, errors = watched.communicate(timeout=20)
    assert (watched.returncode, errors) == (0, "")


def test_neither_prints_a_secret(own: RunningStack):
    secrets = [line.partition("=")[2] for line in (own.home / "secrets.env").read_text().splitlines()[1:]]
    assert len(secrets) > 5
    for command in (("doctor",), ("doctor", "--json"), ("status",), ("status", "--json")):
        done = own.paylink(*command)
        assert not [secret for secret in secrets if secret in done.stdout + done.stderr], command


def test_a_stopped_stack_is_examined_without_a_trace(own: RunningStack, tmp_path: Any):
    """Before the first start, too: what can be seen is told, and nothing is written."""
    environ = own.environ | {"PAYLINK_HOME": str(tmp_path / "new")}
    told = examined(RunningStack(tmp_path / "new", environ, own.client, own.api, own.sandbox))
    wrong = {one["check"] for one in told["findings"] if one["level"] == "wrong"}
    assert wrong == {"ports", "services"}, "the other stack has the ports"
    assert not (tmp_path / "new").exists()
    assert read_status(Home(tmp_path / "new")) is None
