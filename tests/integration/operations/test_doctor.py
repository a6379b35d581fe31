"""`paylink doctor` for what settings name: a healthy installation, and many sick ones. Each sickness alone is told."""

import base64
import json
import os
import subprocess
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest

from paylink_local.doctor.examination import examine
from paylink_local.doctor.finding import Finding, Level
from paylink_local.doctor.installation import find_installation
from paylink_local.template import find_template, load_template
from support.serving import QuietHandler, serving
from support.stack import Stack

Command = Callable[..., "subprocess.CompletedProcess[str]"]
VARIABLES = {
    "WebhookEventsQueue": "PAYLINK_WEBHOOK_EVENTS_QUEUE_URL",
    "WebhookEventsDeadQueue": "PAYLINK_WEBHOOK_EVENTS_DEAD_QUEUE_URL",
    "ReconciliationQueue": "PAYLINK_RECONCILIATION_QUEUE_URL",
}
NEW_KEY = base64.b64encode(b"n" * 32).decode()


@pytest.fixture
def healthy(stack: Stack) -> Stack:
    """A stack whose queues are as template.yaml has them."""
    template = load_template(find_template({}), {})
    # Functions are not told of all of them.
    urls = {queue.logical_id: _url(stack, queue.logical_id) for queue in template.queues}
    for queue in template.queues:
        attributes = dict(queue.attributes)
        if queue.dead_letter_queue:
            dead = urls[queue.dead_letter_queue]
            told = stack.sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]
            policy = {"deadLetterTargetArn": told["QueueArn"], "maxReceiveCount": queue.receive_count_max}
            attributes["RedrivePolicy"] = json.dumps(policy)
        stack.sqs.set_queue_attributes(QueueUrl=urls[queue.logical_id], Attributes=attributes)
    return stack


def _url(stack: Stack, logical_id: str) -> str:
    variable = VARIABLES.get(logical_id)
    return stack.environ[variable] if variable else str(stack.sqs.create_queue(QueueName=uuid4().hex)["QueueUrl"])


def examined() -> list[Finding]:
    """Examine what this process' environment names."""
    return list(examine(find_installation(os.environ), ask_providers=False))


def sick(found: list[Finding]) -> list[Finding]:
    return [finding for finding in found if finding.level is not Level.OK]


def test_a_healthy_installation_has_nothing_to_mend(healthy: Stack, paylink: Command):
    found = examined()
    assert sick(found) == []
    assert [finding.seen for finding in found if finding.check == "queues"] == ["4, as template.yaml has them"]
    assert [finding.check for finding in found if finding.check == "providers"] == ["providers"] * 3, "the sandbox's"
    done = paylink("doctor")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith(f"\n0 wrong, 0 to look at, {len(found)} in order\n")


# What is set


def in_settings(**changes: str) -> Callable[[Stack], dict[str, str]]:
    return lambda stack: {f"PAYLINK_{name}": value for name, value in changes.items()}


def in_address(old: str, new: str) -> Callable[[Stack], dict[str, str]]:
    """Change a part of the database's address."""
    return lambda stack: {"PAYLINK_DATABASE_URL": stack.environ["PAYLINK_DATABASE_URL"].replace(old, new, 1)}


def keyring(name: str, form: str) -> Callable[[Stack], dict[str, str]]:
    """`form` says where the key in use (`{old}`, k1) and another one (`{new}`) stand."""

    def change(stack: Stack) -> dict[str, str]:
        old = stack.environ[name].partition(":")[2]
        return {name: form.format(old=old, new=NEW_KEY)}

    return change


SETTINGS = {
    "a misspelt name": (in_settings(RAW_BODY_DAY="30"), "names", Level.WARNING, "did you mean PAYLINK_RAW_BODY_DAYS?"),
    "a wrong value": (in_settings(RAW_BODY_DAYS="7"), "settings", Level.WRONG, "set PAYLINK_RAW_BODY_DAYS as"),
    "an unknown provider": (in_settings(PROVIDERS="stripe,nobody"), "settings", Level.WRONG, "PAYLINK_PROVIDERS"),
    "a sandbox in production": (in_settings(ENVIRONMENT="production"), "settings", Level.WRONG, "_API_BASE"),
    "no Redis": (in_settings(REDIS_URL="redis://127.0.0.1:1"), "redis", Level.WRONG, "PAYLINK_REDIS_URL"),
    "no Postgres": (
        in_settings(DATABASE_URL="postgresql:///x?host=/nowhere"),
        "postgres",
        Level.WRONG,
        "nothing listens",
    ),
    "no SQS": (
        lambda stack: {"AWS_ENDPOINT_URL_SQS": "http://127.0.0.1:1"},
        "sqs",
        Level.WRONG,
        "AWS_ENDPOINT_URL_SQS",
    ),
    "a wrong password": (
        in_address("paylink-test", "hunter2"),
        "postgres",
        Level.WRONG,
        "does not take this user and password",
    ),
    "a database that is not there": (
        in_address("/test_", "/none_"),
        "postgres",
        Level.WRONG,
        "no such database or user",
    ),
    "no provider": (
        in_settings(STRIPE_API_BASE="http://localhost:1"),
        "providers",
        Level.WRONG,
        "stripe cannot be reached",
    ),
    "a provider that is left out": (
        in_settings(PROVIDERS="stripe,xendit"),
        "accounts",
        Level.WARNING,
        "add midtrans to PAYLINK_PROVIDERS",
    ),
    "a master key that is gone": (
        keyring("PAYLINK_MASTER_KEYS", "k2:{new}"),
        "master_keys",
        Level.WRONG,
        "add k1 behind the others",
    ),
    "another master key of the same name": (
        keyring("PAYLINK_MASTER_KEYS", "k1:{new}"),
        "master_keys",
        Level.WRONG,
        "secret_key of stripe/default",
    ),
    "a master key that is still needed": (
        keyring("PAYLINK_MASTER_KEYS", "k2:{new},k1:{old}"),
        "master_keys",
        Level.WARNING,
        "paylink accounts reseal",
    ),
    "a pepper that is gone": (
        keyring("PAYLINK_API_KEY_PEPPERS", "k2:{new}"),
        "peppers",
        Level.WRONG,
        "add k1 behind the others",
    ),
    "a pepper that is still needed": (
        keyring("PAYLINK_API_KEY_PEPPERS", "k2:{new},k1:{old}"),
        "peppers",
        Level.WARNING,
        "paylink keys list --pepper k1",
    ),
}


def test_each_wrong_setting_is_told_alone(healthy: Stack):
    for what, (change, check, level, told) in SETTINGS.items():
        with pytest.MonkeyPatch.context() as patched:
            for name, value in change(healthy).items():
                patched.setenv(name, value)
            found = sick(examined())
        assert {(finding.check, finding.level) for finding in found} == {(check, level)}, (what, found)
        assert any(told in f"{finding.seen} {finding.mend}" for finding in found), (what, found)
        assert "hunter2" not in repr(found)


# What is stored

STORED = {
    "a commit that does not wait for the disk": (
        "alter database {database} set synchronous_commit = off",
        "durability",
        Level.WRONG,
        "alter system set synchronous_commit = on",
    ),
    "a database that takes no writes": (
        "alter database {database} set default_transaction_read_only = on",
        "postgres",
        Level.WRONG,
        "takes no writes",
    ),
    "a migration that was edited": (
        "update schema_migrations set checksum = 'other'",
        "migrations",
        Level.WRONG,
        "was changed after it was applied",
    ),
    "a migration that was not applied": (
        "delete from schema_migrations where number = (select max(number) from schema_migrations)",
        "migrations",
        Level.WRONG,
        "paylink migrate",
    ),
    "a database without tables": ("drop table schema_migrations", "migrations", Level.WRONG, "paylink migrate"),
    "an account without a secret": (
        "update account_credentials set retired_at = now() where field = 'callback_token'",
        "accounts",
        Level.WRONG,
        "xendit/default has no callback_token",
    ),
    "a key that ends soon": (
        "update api_keys set expires_at = now() + interval '3 days'",
        "api_keys",
        Level.WARNING,
        "paylink keys rotate ID",
    ),
    "a key that nobody uses": (
        "update operator_keys set created_at = now() - interval '120 days'",
        "api_keys",
        Level.WARNING,
        "never used: plo_demo",
    ),
    "a key that nobody uses any more": (
        "update api_keys set created_at = now() - interval '200 days', last_used_at = now() - interval '100 days'",
        "api_keys",
        Level.WARNING,
        "not used for 90 days: plm_demo",
    ),
    "an old key": (
        "update api_keys set created_at = now() - interval '400 days', last_used_at = now()",
        "api_keys",
        Level.WARNING,
        "older than 365 days: plm_demo",
    ),
    "no operator": (
        "update operator_keys set revoked_at = now()",
        "api_keys",
        Level.WARNING,
        "paylink keys create --operator",
    ),
    "a master key for years": (
        "update account_credentials set created_at = now() - interval '3 years'",
        "master_keys",
        Level.WARNING,
        "changing-the-master-key",
    ),
    "two secrets for ever": (
        "insert into account_credentials (id, account_id, field, sealed, master_key_id, created_at)"
        " select gen_random_uuid(), account_id, field, sealed, master_key_id, now() - interval '9 days'"
        " from account_credentials where field = 'webhook_secret';"
        " update account_credentials set created_at = now() - interval '8 days'"
        " where field = 'webhook_secret' and created_at > now() - interval '1 day'",
        "webhook_secrets",
        Level.WARNING,
        "an older one lives beside it",
    ),
    "a secret that fits nothing that comes": (
        "update account_credentials set created_at = now() - interval '5 days';"
        " insert into webhook_refusals (account_id, provider, reason, shard, refused)"
        " select id, provider, 'no_match', 0, 40 from provider_accounts where provider = 'stripe'",
        "webhook_secrets",
        Level.WARNING,
        "signed with none of its secrets",
    ),
    "no partition to come": (
        "do $$ begin execute 'drop table webhook_bodies_' || to_char(now() + interval '1 month', 'YYYY_MM'); end $$",
        "partitions",
        Level.WARNING,
        "relay_events makes them",
    ),
}


@pytest.mark.parametrize(("sql", "check", "level", "told"), STORED.values(), ids=STORED)
def test_each_sickness_of_what_is_stored_is_told_alone(healthy: Stack, sql: str, check: str, level: Level, told: str):
    healthy.rows(sql.format(database=healthy.rows("select current_database() as name")[0]["name"]))
    [finding] = sick(examined())
    assert (finding.check, finding.level) == (check, level), finding
    assert told in f"{finding.seen} {finding.mend}", finding


def test_a_schedule_that_does_not_run_is_known_by_what_it_leaves(healthy: Stack):
    healthy.deliver({"id": "evt_late", "type": "a.b", "data": {"object": {}}})
    assert sick(examined()) == []
    healthy.rows("update unfinished_events set next_attempt_at = now() - interval '1 hour'")
    [finding] = sick(examined())
    assert finding.check == "schedules"
    assert "relay_events has left something due for 60 minutes" in finding.seen
    healthy.settle()
    assert sick(examined()) == []
    healthy.checkout()
    healthy.rows("update transactions set pull_due_at = now() - interval '2 hours'")
    [finding] = sick(examined())
    assert "start_reconciliation has begun no run ever" in finding.seen
    healthy.reconcile_due()
    assert sick(examined()) == []


def test_webhooks_that_vanished_are_told(healthy: Stack):
    healthy.deliver({"id": "evt_1", "type": "a.b", "data": {"object": {}}})
    healthy.settle()
    healthy.rows("update intake_ledger set new = new + 2")
    try:
        [finding] = sick(examined())
    finally:
        healthy.rows("update intake_ledger set new = new - 2")
    assert (finding.check, finding.level) == ("accounting", Level.WRONG)
    assert "stripe/default by 2" in finding.seen


# The queues


@pytest.mark.parametrize(
    ("attributes", "level", "told"),
    [
        ({"VisibilityTimeout": "30"}, Level.WARNING, "VisibilityTimeout 30, and not 360"),
        ({"MessageRetentionPeriod": "3600"}, Level.WARNING, "MessageRetentionPeriod 3600"),
        ({"RedrivePolicy": ""}, Level.WRONG, "no redrive policy"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_a_queue_that_differs_from_the_template_is_told(
    healthy: Stack, attributes: dict[str, str], level: Level, told: str
):
    url = healthy.environ["PAYLINK_WEBHOOK_EVENTS_QUEUE_URL"]
    healthy.sqs.set_queue_attributes(QueueUrl=url, Attributes=attributes)
    [finding] = sick(examined())
    assert (finding.check, finding.level) == ("queues", level)
    assert told in finding.seen


def test_a_queue_that_is_missing_is_told(healthy: Stack, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PAYLINK_RECONCILIATION_QUEUE_URL", healthy.environ["PAYLINK_RECONCILIATION_QUEUE_URL"] + "x")
    [finding] = sick(examined())
    assert (finding.check, finding.level) == ("queues", Level.WRONG)
    assert finding.seen == "the queue reconciliation does not exist"


# Clocks, and what must not be told


def test_a_providers_clock_is_compared(healthy: Stack, monkeypatch: pytest.MonkeyPatch):
    class Late(QuietHandler):
        def date_time_string(self, timestamp: float | None = None) -> str:
            return "Sun, 01 Nov 2026 00:00:00 GMT"

        def do_GET(self) -> None:
            assert "Authorization" not in self.headers
            self.send_error(404)

    with serving(Late) as address:
        monkeypatch.setenv("PAYLINK_STRIPE_API_BASE", address)
        [finding] = sick(examined())
    assert (finding.check, finding.level) == ("clock", Level.WRONG)
    assert finding.seen.startswith("stripe is ")
    assert finding.seen.endswith(" behind this machine")


def test_a_real_provider_is_asked_only_when_that_is_wanted(healthy: Stack, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PAYLINK_STRIPE_API_BASE", "https://provider.invalid")
    assert sick(examined()) == []
    [finding] = sick(list(examine(find_installation(os.environ), ask_providers=True)))
    assert (finding.check, finding.level) == ("providers", Level.WRONG)
    assert finding.seen.startswith("stripe cannot be reached (")


HOSTILE_ADDRESSES = (
    "postgresql://paylink:hunter2/x@localhost:1/paylink",
    "postgresql://paylink:hunter2@localhost:hunter2/paylink",
    "postgresql://paylink:hunter2@[localhost/paylink",
    "host=localhost port=1 password=hunter2 hunter2",
    "postgresql://hunter2:hunter2@localhost:1/hunter2",
)


def test_no_secret_is_told_however_wrong_an_address_is(healthy: Stack, paylink: Command):
    """What libpq says of an address repeats parts of it."""
    healthy.environ["PAYLINK_REDIS_URL"] = "redis://:hunter2@localhost:hunter2/0"
    try:
        for url in HOSTILE_ADDRESSES:
            healthy.environ["PAYLINK_DATABASE_URL"] = url
            done = paylink("doctor", "--json")
            told: dict[str, Any] = json.loads(done.stdout)
            assert done.returncode == 1
            assert {one["check"] for one in told["findings"] if one["level"] == "wrong"} == {"postgres", "redis"}
            assert "hunter2" not in done.stdout + done.stderr
    finally:
        healthy.environ["PAYLINK_DATABASE_URL"] = os.environ["PAYLINK_DATABASE_URL"]


def test_status_shows_how_payments_stand_where_only_settings_are_given(healthy: Stack, paylink: Command):
    healthy.paid()
    done = paylink("status", "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert (told["running"], told["services"]) == (False, None)
    assert told["accounting"]["applied"] == 1
    assert told["last_run"] is None
    text = paylink("status").stdout
    assert "SERVICE" not in text
    assert text.startswith("Answers        database in ")
    healthy.environ["PAYLINK_DATABASE_URL"] += "_gone"
    try:
        gone = paylink("status")
    finally:
        healthy.environ["PAYLINK_DATABASE_URL"] = os.environ["PAYLINK_DATABASE_URL"]
    assert gone.returncode == 1
    assert gone.stdout.startswith("Figures        the database does not answer")


def test_status_without_redis_or_sqs_says_what_is_not_known(healthy: Stack, paylink: Command):
    healthy.environ["PAYLINK_REDIS_URL"] = "redis://127.0.0.1:1"
    healthy.environ["AWS_ENDPOINT_URL_SQS"] = "http://127.0.0.1:1"
    done = paylink("status", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    told = json.loads(done.stdout)
    assert told["breakers"] is None
    assert [queue["ready"] for queue in told["queues"]] == [None] * 4
    text = paylink("status").stdout
    assert "redis away, queue away\n" in text
    assert "not known while Redis is away" in text
    assert "Accounting" in text
