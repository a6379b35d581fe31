"""
Nothing leaks: a stack with marked secrets at DEBUG, traffic of every kind through it, and then a look everywhere.

No secret, signature, card number, mail address or body may stand in a log, a metric, a trace, a queue's message or a
row, but for webhooks in `webhook_bodies` and a payer's data in the payer's own columns.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from paylink.core.secret import Secret
from paylink.edge.redis_link import RedisLink
from paylink.runtime.sqs_link import SqsLink
from paylink_local.supervisor.guarded import SUPERVISED
from support import leak_acts as acts
from support.collector import Collector, collecting
from support.leak_marks import marked_settings, random_text
from support.leak_places import QueueWatch, all_places, processes, traces
from support.leak_traffic import Traffic
from support.leaks import Leak, Mark, find_leaks
from support.running import started

LIMITS = {
    "PAYLINK_RATE_LIMIT_PER_S": "1000",
    "PAYLINK_RATE_LIMIT_BURST": "1000",
    "PAYLINK_BAD_KEYS_PER_MIN": "1000",
    "PAYLINK_SCHEDULE_RATE_MAX_S": "2",
}


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    """Takes the traces of all that the stack does."""
    with collecting() as taking:
        yield taking


@pytest.fixture(scope="module")
def driven(tmp_path_factory: pytest.TempPathFactory, collector: Collector) -> Iterator[tuple[Traffic, QueueWatch]]:
    """A stack that has seen everything, and still runs."""
    marked = marked_settings()
    home = tmp_path_factory.mktemp("marked")
    traced = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.address, "OTEL_TRACES_SAMPLER": "always_on"}
    with started(home, **marked.settings, **LIMITS, **traced, PAYLINK_LOG_LEVEL="DEBUG") as running:
        traffic = Traffic(running, marked)
        with QueueWatch(traffic.environ) as watch:
            acts.pay_in_every_way(traffic)
            acts.ask_for_everything(traffic)
            acts.knock_wrongly(traffic)
            acts.send_what_cannot_be_read(traffic)
            acts.run_every_command(traffic)
            acts.let_providers_fail(traffic)
            acts.let_the_database_refuse(traffic)
            for service in ("valkey", "localstack", "postgres"):
                traffic.without(service, lambda: acts.a_bit_of_everything(traffic))
            acts.a_bit_of_everything(traffic)
            # Schedules, retries and the relay have their turns, too.
            time.sleep(5)
        acts.mark_what_was_stored(traffic)
        yield traffic, watch


def test_nothing_secret_is_answered_or_printed(driven: tuple[Traffic, QueueWatch]):
    """But a new key, once, and a body that was asked for with --body."""
    traffic, _ = driven
    _assert_none(traffic.shown)


def test_nothing_leaks_anywhere(driven: tuple[Traffic, QueueWatch], collector: Collector):
    traffic, watch = driven
    seen: set[str] = set()
    leaks = []
    for place, data in (*all_places(traffic.running), *watch.seen(), *traces(collector)):
        seen.add(place.kind)
        leaks += find_leaks(traffic.marked.marks, place, data)
    _assert_none(leaks)
    assert seen == {"log", "file", "metrics", "database", "redis", "process", "queue", "trace"}


def test_what_may_be_somewhere_is_there(driven: tuple[Traffic, QueueWatch]):
    """Else the search would find nothing wherever it looked."""
    traffic, _ = driven
    held = [mark for mark in traffic.marked.marks if mark.allowed and not mark.name.startswith("body")]
    bare = [Mark(mark.name, mark.text, whole=True) for mark in held]
    found = {
        # The partition of a month is the table.
        (place.kind, place.name.partition("_2")[0])
        for place, data in all_places(traffic.running)
        if find_leaks(bare, place, data)
    }
    assert {
        ("database", "transactions.customer_email"),
        ("database", "transactions.customer_name"),
        ("database", "transactions.customer_phone"),
        ("database", "webhook_bodies"),
        ("process", "gateway.environ"),
        ("process", "worker.environ"),
        ("process", "sandbox.environ"),
    } <= found
    assert {place for kind, place in found if kind == "process"} <= {
        f"{name}{whose}.environ" for name in ("gateway", "worker", "sandbox") for whose in ("", "'s guardian")
    }


def test_traces_are_of_everything_that_was_done(driven: tuple[Traffic, QueueWatch], collector: Collector):
    names = {span.name for span in collector.spans}
    assert {"POST /v1/webhook/{provider}", "POST /v1/checkout", "process webhook-events", "apply", "verify"} <= names
    kinds = {attribute for span in collector.spans for attribute in span.attributes}
    assert {"paylink.transaction_id", "paylink.event_row_id", "db.query.summary", "server.address"} <= kinds
    assert any(span.failed for span in collector.spans)


def test_the_sandbox_knows_no_key_of_ours(driven: tuple[Traffic, QueueWatch]):
    traffic, _ = driven
    held = b"\n".join(data for place, data in processes(traffic.running) if place.name.startswith("sandbox"))
    assert b"PAYLINK_STRIPE_SECRET_KEY" in held
    for name in ("DATABASE_PASSWORD", "DATABASE_URL", "MASTER_KEYS", "API_KEY_PEPPERS", "DEMO_MERCHANT_KEY"):
        assert f"PAYLINK_{name}".encode() not in held


def test_a_planted_leak_is_found_in_each_place(driven: tuple[Traffic, QueueWatch], monkeypatch: pytest.MonkeyPatch):
    """What the search passes over would be no proof."""
    traffic, _ = driven
    running, environ = traffic.running, traffic.environ
    for name in ("AWS_ENDPOINT_URL_SQS", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION"):
        monkeypatch.setenv(name, environ[name])
    text = random_text(40)
    mark = Mark("planted", text)
    with open(running.home / "logs" / "gateway.log", "a") as log:
        log.write(json.dumps({"message": "planted", "text": text}) + "\n")
    (running.home / "run" / "planted").write_text(text)
    traffic.rows("update merchants set name = name || %s where name = 'Another shop'", text)
    link = RedisLink(Secret(environ["PAYLINK_REDIS_URL"]))
    link.run("HSET", "planted:hash", "field", text)
    link.run("SET", f"planted:{text}", "x", "EX", 600)
    link.close()
    link = SqsLink(5)
    dead = f"{environ['AWS_ENDPOINT_URL_SQS']}/000000000000/webhook-events-dead"
    link.call("SendMessage", {"QueueUrl": dead, "MessageBody": json.dumps({"text": text})})
    link.close()
    kinds = {place.kind for place, data in all_places(running) if find_leaks([mark], place, data)}
    assert kinds == {"log", "file", "database", "redis", "queue"}


def test_a_planted_leak_is_found_in_a_process(driven: tuple[Traffic, QueueWatch], monkeypatch: pytest.MonkeyPatch):
    """In its command line and its environment; told of one that a service of the stack might have started."""
    traffic, _ = driven
    text = random_text(40)
    sleep = [sys.executable, "-c", "import time; time.sleep(60)", text]
    child = subprocess.Popen(sleep, env=os.environ | {SUPERVISED: "x", "HELD": text})
    try:
        monkeypatch.setattr(type(traffic.running), "status", lambda _: type("Own", (), {"pid": os.getpid()})())
        found = {place.name for place, data in processes(traffic.running) if find_leaks([Mark("x", text)], place, data)}
        assert {name.rpartition(".")[2] for name in found} == {"cmdline", "environ"}
    finally:
        child.kill()
        child.wait()


def _assert_none(leaks: list[Leak]) -> None:
    """Each is told once, by its name: a test's message is a log, too."""
    told = {f"{leak.mark} ({leak.form}) in {leak.place.kind} {leak.place.name}" for leak in leaks}
    assert not told, "\n" + "\n".join(sorted(told))
