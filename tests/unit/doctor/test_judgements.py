"""What `paylink doctor` makes of what it sees: each judgement at its borders."""

import base64
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paylink.core.keyring import Keyring
from paylink.core.secret import Secret
from paylink.providers.registry import enabled_providers, enabled_signatures
from paylink.store.migrations import load_migrations
from paylink.store.sealing import Place, Sealer
from paylink_local.doctor.accounts import judge_accounts, judge_webhook_secrets
from paylink_local.doctor.database import (
    Server,
    judge_clock,
    judge_durability,
    judge_migrations,
    judge_server,
    judge_server_log,
)
from paylink_local.doctor.finding import Finding, Level, named
from paylink_local.doctor.keys import judge_api_keys, judge_master_keys, judge_peppers
from paylink_local.doctor.machine import judge_room, judge_services
from paylink_local.doctor.queues import dead_letter_url, judge_queue, queue_urls
from paylink_local.doctor.work import judge_accounting, judge_partitions, judge_schedules
from paylink_local.supervisor.home import Home
from paylink_local.supervisor.status import ServiceStatus, State, Status
from paylink_local.template import Queue, find_template, load_template

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)
SERVER = {
    "version": "16.4",
    "version_number": 160_004,
    "fsync": "on",
    "full_page_writes": "on",
    "synchronous_commit": "on",
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
    "log_statement": "none",
    "read_only": False,
}


def ring(*names: str) -> Keyring:
    keys = ",".join(f"{name}:{base64.b64encode(name.encode().ljust(32, b'.')).decode()}" for name in names)
    return Keyring.parse("PAYLINK_MASTER_KEYS", Secret(keys))


def levels(found: list[Finding]) -> list[str]:
    return [finding.level.value for finding in found]


def server(latency_ms: float = 0.5, **row: Any) -> Server:
    return Server({**SERVER, **row}, latency_ms, 0.0, {})


@pytest.mark.parametrize(
    ("ahead_s", "level"),
    [(0.0, "ok"), (1.9, "ok"), (-1.9, "ok"), (2.0, "warning"), (-59.9, "warning"), (60.0, "wrong"), (-1e7, "wrong")],
)
def test_clocks(ahead_s: float, level: str):
    finding = judge_clock("Postgres", ahead_s)
    assert finding.level == level
    if level != "ok":
        assert ("ahead of" if ahead_s > 0 else "behind") in finding.seen


def test_servers():
    assert judge_server(server()).level == "ok"
    assert judge_server(server(latency_ms=51)).level == "warning"
    assert judge_server(server(version_number=150_008)).level == "wrong"
    assert judge_server(server(read_only=True)).level == "wrong"


@pytest.mark.parametrize("name", ["fsync", "full_page_writes", "synchronous_commit"])
def test_durability(name: str):
    assert levels(judge_durability(SERVER)) == ["ok"]
    [finding] = judge_durability({**SERVER, name: "off"})
    assert (finding.level, finding.seen.split()[0]) == ("wrong", name)


@pytest.mark.parametrize(
    ("name", "value", "want"),
    [
        ("log_min_error_statement", "error", "panic"),
        ("log_min_error_statement", "log", "panic"),
        ("log_error_verbosity", "default", "terse"),
        ("log_error_verbosity", "verbose", "terse"),
        ("log_statement", "mod", "none"),
        ("log_statement", "all", "none"),
    ],
)
def test_the_database_s_log(name: str, value: str, want: str):
    """Names the parameter, and what to set it to."""
    assert levels(judge_server_log(SERVER)) == ["ok"]
    [finding] = judge_server_log({**SERVER, name: value})
    assert finding.level == "warning"
    assert finding.seen.startswith(f"{name} is {value}: ")
    assert f"set {name} = {want} " in finding.mend


@pytest.mark.parametrize("mode", ["local", "remote_write", "remote_apply"])
def test_whatever_waits_for_our_own_disk_is_durable(mode: str):
    assert levels(judge_durability({**SERVER, "synchronous_commit": mode})) == ["ok"]


def test_migrations(tmp_path: Path):
    """None, too few, other ones and too many are four things to say; only equal ones are right."""
    (tmp_path / "0001_first.sql").write_text("select 1;")
    [first] = load_migrations(tmp_path)
    assert judge_migrations(tmp_path, {1: first.checksum}).level == "ok"
    assert "no tables" in judge_migrations(tmp_path, None).seen
    assert "0001_first" in judge_migrations(tmp_path, {}).seen
    assert "was changed" in judge_migrations(tmp_path, {1: "other"}).seen
    assert "newer than this code" in judge_migrations(tmp_path, {1: first.checksum, 2: "x"}).seen
    assert {judge_migrations(tmp_path, applied).level.value for applied in (None, {}, {1: "x"}, {1: "x", 2: "x"})} == {
        "wrong"
    }


@pytest.mark.parametrize(("free_mb", "level"), [(10, "wrong"), (300, "warning"), (5000, "ok")])
def test_room(free_mb: int, level: str):
    assert judge_room(Path("/somewhere"), free_mb * 1024 * 1024).level == level


def test_services(tmp_path: Path):
    def status(**states: State) -> Status:
        services = tuple(ServiceStatus(name, state, 1, 0, "") for name, state in states.items())
        return Status(1, True, {}, services)

    home = Home(tmp_path)
    assert levels(judge_services(home, status(a=State.HEALTHY, b=State.DONE))) == ["ok"]
    found = judge_services(home, status(a=State.FAILED, b=State.STARTING, c=State.HEALTHY))
    assert levels(found) == ["wrong", "warning"]
    assert found[0].mend == f"see {tmp_path}/logs/a.log"
    again = Status(1, True, {}, (ServiceStatus("a", State.HEALTHY, 1, 3, ""),))
    assert "started again 3 times" in judge_services(home, again)[0].seen


# Keys


def sealed_under(keys: Keyring) -> dict[str, Any]:
    row: dict[str, Any] = {
        "merchant_id": uuid4(),
        "account_id": uuid4(),
        "provider": "p",
        "account": "a",
        "field": "key",
    }
    place = Place(row["merchant_id"], row["account_id"], row["field"])
    row["sealed"], row["master_key_id"] = Sealer(keys).seal(Secret("s3cret"), place)
    return row


def use(key_id: str, live: int, retired: int = 0, days: int = 1) -> dict[str, Any]:
    return {"master_key_id": key_id, "live": live, "retired": retired, "since": NOW - days * DAY}


def test_master_keys():
    keys = ring("k2", "k1")
    row = sealed_under(keys)
    assert levels(judge_master_keys(keys, [use("k2", 1)], [row], NOW)) == ["ok"]
    assert levels(judge_master_keys(keys, [], [], NOW)) == ["ok"]
    assert levels(judge_master_keys(keys, [use("k2", 1), use("k1", 1)], [row], NOW)) == ["warning"]
    assert levels(judge_master_keys(keys, [use("k2", 1), use("k0", 1)], [row], NOW)) == ["wrong"]
    assert levels(judge_master_keys(keys, [use("k2", 1), use("k0", 0, 1)], [row], NOW)) == ["warning"]
    assert levels(judge_master_keys(keys, [use("k2", 1, days=366)], [row], NOW)) == ["warning"]
    moved = {**row, "account_id": uuid4()}
    assert levels(judge_master_keys(keys, [use("k2", 1)], [moved], NOW)) == ["wrong"]


def key(prefix: str = "plo_aaaaaaaaaaaa", **changes: Any) -> dict[str, Any]:
    return {
        "prefix": prefix,
        "merchant_id": None if prefix.startswith("plo_") else uuid4(),
        "scopes": ["merchants:write"],
        "pepper_id": "k1",
        "created_at": NOW - 10 * DAY,
        "expires_at": None,
        "last_used_at": NOW - DAY,
        "successor_id": None,
    } | changes


def test_peppers():
    assert levels(judge_peppers(ring("k1"), [key()], NOW)) == ["ok"]
    assert levels(judge_peppers(ring("k2", "k1"), [key()], NOW)) == ["warning"]
    assert levels(judge_peppers(ring("k2"), [key()], NOW)) == ["wrong"]
    assert levels(judge_peppers(ring("k1"), [key(created_at=NOW - 731 * DAY)], NOW)) == ["warning"]
    assert levels(judge_peppers(ring("k1"), [], NOW)) == ["ok"]


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"expires_at": NOW + 13 * DAY}, "expire within"),
        ({"expires_at": NOW + 13 * DAY, "successor_id": uuid4()}, None),
        ({"expires_at": NOW + 15 * DAY}, None),
        ({"last_used_at": None}, None),
        ({"last_used_at": None, "created_at": NOW - 91 * DAY}, "never used"),
        ({"last_used_at": NOW - 89 * DAY, "created_at": NOW - 91 * DAY}, None),
        ({"last_used_at": NOW - 91 * DAY, "created_at": NOW - 92 * DAY}, "not used for"),
        ({"created_at": NOW - 366 * DAY}, "older than 365 days"),
        ({"created_at": NOW - 366 * DAY, "last_used_at": None, "expires_at": NOW + DAY}, "expire within"),
    ],
)
def test_api_keys(changes: dict[str, Any], told: str | None):
    """Of a key the most pressing thing alone is said."""
    found = judge_api_keys([key(), key("plm_bbbbbbbbbbbb", **changes)], NOW, production=True)
    assert len(found) == 1
    assert (found[0].level == "ok") == (told is None)
    if told:
        assert told in found[0].seen
        assert "plm_bbbbbbbbbbbb" in found[0].seen


def test_demo_keys_are_nothing_but_a_remark_and_only_in_production():
    demo = key("plo_demo11111111")
    assert levels(judge_api_keys([demo], NOW, production=False)) == ["ok"]
    found = judge_api_keys([demo], NOW, production=True)
    assert levels(found) == ["warning", "warning"], "and no operator's key is left"
    assert "refused in production" in found[0].seen


def test_a_merchants_key_is_no_operators():
    found = judge_api_keys([key("plm_bbbbbbbbbbbb")], NOW, production=True)
    assert "paylink keys create --operator" in found[0].mend


# Accounts

SLUG = "stripe"
PROVIDERS = enabled_providers([SLUG], {"PAYLINK_ENVIRONMENT": "test"})
SIGNATURES = enabled_signatures([SLUG])
FIELD = SIGNATURES[SLUG].secret_field
ACCOUNT: dict[str, Any] = {
    "id": UUID(int=1),
    "provider": SLUG,
    "name": "shop",
    "disabled": False,
    "last_refused_at": None,
}


def secret(days: float, used_days: float | None = None, *, field: str = FIELD, retired: bool = False) -> dict[str, Any]:
    return {
        "id": uuid4(),
        "account_id": ACCOUNT["id"],
        "field": field,
        "created_at": NOW - days * DAY,
        "retired_at": NOW if retired else None,
        "last_used_at": None if used_days is None else NOW - used_days * DAY,
    }


def test_accounts():
    both = [secret(1, field=field.name) for field in PROVIDERS[SLUG].credential_fields]
    assert levels(judge_accounts(PROVIDERS, [ACCOUNT], both)) == ["ok"]
    [missing] = judge_accounts(PROVIDERS, [ACCOUNT], both[:1])
    assert (missing.level, missing.mend) == ("wrong", f"paylink accounts set {ACCOUNT['id']} {both[1]['field']}")
    gone = [both[0], {**both[1], "retired_at": NOW}]
    assert levels(judge_accounts(PROVIDERS, [ACCOUNT], gone)) == ["wrong"]
    assert levels(judge_accounts(PROVIDERS, [{**ACCOUNT, "disabled": True}], [])) == ["ok"]
    [without] = judge_accounts(PROVIDERS, [], [])
    assert "nobody has an account there: stripe" in without.seen
    [unknown] = judge_accounts({}, [ACCOUNT], both)
    assert "add stripe to PAYLINK_PROVIDERS" in unknown.mend


@pytest.mark.parametrize(
    ("secrets", "refused_days", "told"),
    [
        ([secret(30, 0.1)], None, None),
        ([secret(30)], None, None),
        ([secret(2, 0.1), secret(60, 0.5)], None, None),
        ([secret(2), secret(60, 0.1)], None, "its newest secret has verified nothing, while"),
        ([secret(0.5), secret(60, 0.1)], None, None),
        ([secret(8), secret(60, 0.1)], None, "has verified nothing in 8 days"),
        ([secret(8, 0.1), secret(60, 0.1)], None, "1 older secrets still live, 8 days after"),
        ([secret(30)], 0.1, "signed with none of its secrets"),
        ([secret(30, 0.2)], 0.1, None),
        ([secret(30, 3)], 0.1, "signed with none of its secrets"),
        ([secret(30)], 5, None),
        ([secret(0.01)], 0.1, None),
        ([secret(2), secret(60, 0.1, retired=True)], None, "its newest secret has verified nothing, while"),
    ],
)
def test_webhook_secrets(secrets: list[dict[str, Any]], refused_days: float | None, told: str | None):
    account = ACCOUNT if refused_days is None else {**ACCOUNT, "last_refused_at": NOW - refused_days * DAY}
    [finding] = judge_webhook_secrets(SIGNATURES, [account], secrets, NOW)
    assert finding.level == ("ok" if told is None else "warning"), finding
    if told:
        assert told in finding.seen
    assert levels(judge_webhook_secrets(SIGNATURES, [{**account, "disabled": True}], secrets, NOW)) == ["ok"]


MOMENTS = st.floats(0, 400)
SECRETS = st.lists(
    st.builds(
        secret, MOMENTS, st.none() | MOMENTS, retired=st.booleans(), field=st.sampled_from([FIELD, "secret_key"])
    ),
    max_size=6,
)


@given(SECRETS, st.none() | MOMENTS, st.booleans())
def test_an_account_is_told_of_once_and_whatever_is_told_can_be_mended(
    secrets: list[dict[str, Any]], refused_days: float | None, disabled: bool
):
    refused = None if refused_days is None else NOW - refused_days * DAY
    account = {**ACCOUNT, "last_refused_at": refused, "disabled": disabled}
    secrets = sorted(secrets, key=lambda row: row["created_at"], reverse=True)
    [finding] = judge_webhook_secrets(SIGNATURES, [account], secrets, NOW)
    assert (finding.level is Level.OK) == (finding.mend == "")
    assert not (disabled and finding.level is not Level.OK)


# Queues

WORK = Queue("Work", "work", {"VisibilityTimeout": "360", "MessageRetentionPeriod": "3600"}, "Dead", 12)
DEAD_ARN = "arn:aws:sqs:ap-southeast-3:000000000000:dead"


def found_with(policy: str, **changes: str) -> dict[str, dict[str, str]]:
    own = {"VisibilityTimeout": "360", "MessageRetentionPeriod": "3600", "RedrivePolicy": policy}
    return {"Work": own | changes, "Dead": {"QueueArn": DEAD_ARN}}


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (found_with(f'{{"deadLetterTargetArn": "{DEAD_ARN}", "maxReceiveCount": 12}}'), []),
        (found_with(f'{{"deadLetterTargetArn": "{DEAD_ARN}", "maxReceiveCount": "12"}}'), []),
        (found_with(f'{{"deadLetterTargetArn": "{DEAD_ARN}", "maxReceiveCount": 3}}'), ["warning"]),
        (found_with('{"deadLetterTargetArn": "arn:other", "maxReceiveCount": 12}'), ["wrong"]),
        (found_with(""), ["wrong"]),
        (found_with("no json"), ["wrong"]),
        (found_with("[1]"), ["wrong"]),
        (found_with("", VisibilityTimeout="30"), ["warning", "wrong"]),
        ({}, []),
    ],
)
def test_queues(found: dict[str, dict[str, str]], expected: list[str]):
    """One that does not exist is told of elsewhere, once."""
    assert levels(judge_queue(WORK, found, "sam deploy")) == expected


def test_a_queue_that_functions_are_not_told_of_is_found_by_the_policy_that_names_it():
    """On AWS as on one machine: nobody else knows where it is."""
    template = load_template(find_template({}), {})
    assert {queue.logical_id for queue in template.queues} - queue_urls(template, {}).keys() == {
        "ReconciliationDeadQueue"
    }
    runs = "https://sqs.ap-southeast-3.amazonaws.com/111122223333/paylink-ReconciliationQueue-a"
    policy = json.dumps({"deadLetterTargetArn": "arn:aws:sqs:ap-southeast-3:111122223333:paylink-Dead-b"})
    assert dead_letter_url(runs, {"RedrivePolicy": policy}) == runs.rpartition("/")[0] + "/paylink-Dead-b"
    assert dead_letter_url(runs, {}) is None


# Work


@pytest.mark.parametrize(
    ("overdue", "told"),
    [
        ({}, None),
        ({"relay_events": 299.0}, None),
        ({"relay_events": 301.0}, "relay_events"),
        ({"resolve_unknown": 301.0}, None),
        ({"resolve_unknown": 1801.0}, "resolve_unknown"),
        ({"start_reconciliation": 3601.0, "last_scheduled_run": 100.0}, None),
        ({"start_reconciliation": 3601.0, "last_scheduled_run": 901.0}, "for 15 minutes"),
        ({"start_reconciliation": 3601.0}, "ever"),
        ({"start_reconciliation": 100.0}, None),
        ({"relay_events": -30.0, "resolve_unknown": -3000.0, "start_reconciliation": -1.0}, None),
    ],
)
def test_schedules(overdue: dict[str, float], told: str | None):
    names = ("relay_events", "resolve_unknown", "start_reconciliation", "last_scheduled_run")
    [finding] = judge_schedules(dict.fromkeys(names) | overdue, "see the worker")
    assert finding.level == ("ok" if told is None else "wrong")
    assert told is None or told in finding.seen


def test_partitions_and_accounting():
    assert judge_partitions([]).level == "ok"
    assert "2026-12" in judge_partitions(["2026-12"]).seen
    row = {"provider": "stripe", "account": "shop", "imbalance": 0}
    assert judge_accounting([row]).level == "ok"
    assert judge_accounting([]).level == "ok"
    assert judge_accounting([row, {**row, "imbalance": -1}]).level == "wrong"


def test_of_many_names_a_few_are_told():
    assert named(["a", "b"]) == "a, b"
    assert named([str(n) for n in range(9)]) == "0, 1, 2, 3, 4 and 4 more"
