"""Which installation is meant, and what `paylink doctor` says of its settings. No service runs."""

import base64
from pathlib import Path

import pytest

from paylink.providers.registry import provider_slugs
from paylink_local.doctor.configuration import examine_settings
from paylink_local.doctor.finding import Finding, Level
from paylink_local.doctor.installation import find_installation
from paylink_local.instance import load_environment

KEY = "k1:" + base64.b64encode(b"0" * 32).decode()
OTHER_KEY = "k1:" + base64.b64encode(b"1" * 32).decode()


@pytest.fixture
def aws(tmp_path: Path) -> dict[str, str]:
    """The settings of an installation on AWS, as they should be."""
    queues = "https://sqs.ap-southeast-3.amazonaws.com/123456789012"
    return {
        "PAYLINK_HOME": str(tmp_path / "none"),
        "PAYLINK_ENVIRONMENT": "production",
        "PAYLINK_DATABASE_URL": "postgresql://paylink:hunter2@db.internal/paylink",
        "PAYLINK_REDIS_URL": "rediss://:hunter2@redis.internal:6379/0",
        "PAYLINK_PROVIDERS": ",".join(provider_slugs()),
        "PAYLINK_PUBLIC_URL": "https://pay.example.com",
        "PAYLINK_MASTER_KEYS": KEY,
        "PAYLINK_API_KEY_PEPPERS": OTHER_KEY,
        "PAYLINK_WEBHOOK_EVENTS_QUEUE_URL": f"{queues}/webhook-events",
        "PAYLINK_WEBHOOK_EVENTS_DEAD_QUEUE_URL": f"{queues}/webhook-events-dead",
        "PAYLINK_RECONCILIATION_QUEUE_URL": f"{queues}/reconciliation",
        "PAYLINK_SQL_DIR": "/opt/sql",
        "AWS_REGION": "ap-southeast-3",
    }


def found_in(environ: dict[str, str]) -> list[Finding]:
    before = dict(environ)
    _, found = examine_settings(find_installation(environ))
    assert environ == before
    return [finding for finding in found if finding.level is not Level.OK]


def test_complete_settings_are_right(aws: dict[str, str]):
    settings, found = examine_settings(find_installation(aws))
    assert settings is not None
    assert [finding.level for finding in found] == [Level.OK]
    assert settings.sql_dir.joinpath("migrations").is_dir(), "the folder on Lambda is not on this machine"


@pytest.mark.parametrize(
    "name",
    [
        "PAYLINK_ENVIRONMENT",
        "PAYLINK_REDIS_URL",
        "PAYLINK_PROVIDERS",
        "PAYLINK_MASTER_KEYS",
        "PAYLINK_API_KEY_PEPPERS",
        "PAYLINK_WEBHOOK_EVENTS_QUEUE_URL",
        "PAYLINK_WEBHOOK_EVENTS_DEAD_QUEUE_URL",
        "PAYLINK_RECONCILIATION_QUEUE_URL",
    ],
)
def test_on_aws_nothing_is_taken_from_this_machine(aws: dict[str, str], name: str):
    """What is missing is missing: a queue of LocalStack's would be the wrong one."""
    del aws[name]
    [finding] = found_in(aws)
    assert (finding.level, finding.seen) == (Level.WRONG, f"{name} is not set")
    assert finding.mend.startswith(f"set {name} ")


def test_beside_localstack_the_queues_are_the_templates(aws: dict[str, str]):
    for name in [name for name in aws if name.endswith("_QUEUE_URL")]:
        del aws[name]
    aws["AWS_ENDPOINT_URL_SQS"] = "http://localstack:4566"
    assert found_in(aws) == []
    environ = find_installation(aws).environ
    assert environ["PAYLINK_WEBHOOK_EVENTS_QUEUE_URL"] == "http://localstack:4566/000000000000/webhook-events"


@pytest.mark.parametrize(
    ("changes", "level", "told"),
    [
        ({"PAYLINK_DEMO_MERCHANT_KEY": "plm_demo"}, Level.WARNING, "PAYLINK_DEMO_MERCHANT_KEY set"),
        ({"PAYLINK_PUBLIC_URL": ""}, Level.WARNING, "PAYLINK_PUBLIC_URL is not set"),
        ({"PAYLINK_PUBLIC_URL": "http://pay.example.com"}, Level.WRONG, "not https"),
        ({"PAYLINK_REDIS_URL": "redis://redis.internal:6379/0"}, Level.WARNING, "not encrypted"),
        ({"PAYLINK_STRIPE_API_BASE": "http://localhost:8081/stripe"}, Level.WRONG, "production talks to"),
        ({"PAYLINK_RATE_LIMIT_PER_SECOND": "5"}, Level.WARNING, "is no setting"),
        ({"PAYLINK_LOG_LEVEL": "CHATTY"}, Level.WRONG, "PAYLINK_LOG_LEVEL is one of"),
    ],
)
def test_production_is_held_to_more(aws: dict[str, str], changes: dict[str, str], level: Level, told: str):
    [finding] = found_in(aws | changes)
    assert finding.level is level
    assert told in finding.seen
    assert finding.mend


def test_every_wrong_setting_is_told_at_once(aws: dict[str, str]):
    found = found_in(aws | {"PAYLINK_LOG_LEVEL": "CHATTY", "PAYLINK_RAW_BODY_DAYS": "x", "PAYLINK_PROVIDERS": "nobody"})
    assert len(found) == 3
    assert not any("hunter2" in f"{finding.seen}{finding.mend}" for finding in found)


def test_without_a_database_it_is_the_embedded_stack(tmp_path: Path):
    """Its settings are examined before it ever ran, and nothing is written for that."""
    environ = {"PAYLINK_HOME": str(tmp_path / "home")}
    installation = find_installation(environ)
    assert (installation.home is not None, installation.status, installation.is_reachable) == (True, None, False)
    assert found_in(environ) == []
    [finding] = found_in(environ | {"PAYLINK_API_PORT": "many"})
    assert finding.seen.startswith("PAYLINK_API_PORT=many is no port")
    [finding] = found_in(environ | {"PAYLINK_PROVIDERS": "nobody"})
    assert "there is no provider 'nobody'" in finding.seen
    [finding] = found_in(environ | {"PAYLINK_ENVIRONMENT": "production"})
    assert finding.seen.startswith("PAYLINK_ENVIRONMENT=production is not for the embedded stack")
    assert not (tmp_path / "home").exists()


def test_secrets_that_are_not_kept_are_not_written(tmp_path: Path):
    known = load_environment(tmp_path, {})
    (tmp_path / "secrets.env").write_text("")
    assert load_environment(tmp_path, {}, keep=False)["PAYLINK_MASTER_KEYS"] != known["PAYLINK_MASTER_KEYS"]
    assert (tmp_path / "secrets.env").read_text() == ""
