"""The database holds the invariants itself."""

import uuid
from datetime import UTC, datetime

import psycopg2
import pytest

from paylink.core.secret import Secret
from paylink.runtime.settings import default_sql_dir
from paylink.store.migrations import MigrationError, migrate
from support.stack import Stack, create_database, drop_database


def test_history_is_append_only(stack: Stack):
    stack.checkout()
    for change in ("update transaction_history set state = 'paid'", "delete from transaction_history"):
        with pytest.raises(psycopg2.errors.RestrictViolation):
            stack.rows(change)


@pytest.mark.parametrize(
    ("change", "constraint"),
    [
        ("state = 'gone'", "transactions_state_known"),
        ("amount = 0", "transactions_amount_positive"),
        ("state = 'paid'", "transactions_money_has_state"),
        ("captured = 1", "transactions_money_has_state"),
        ("refunded = -1", "transactions_totals_not_negative"),
        ("dispute = 'open'", "transactions_dispute_has_state"),
        ("refund_reserved = -1", "transactions_totals_not_negative"),
        ("refundable = 'some'", "transactions_refundable_known"),
        ("capture_requested = 0", "transactions_capture_within_amount"),
        ("capture_requested = amount + 1", "transactions_capture_within_amount"),
    ],
)
def test_a_transaction_that_cannot_be_is_refused(stack: Stack, change: str, constraint: str):
    stack.checkout()
    with pytest.raises(psycopg2.errors.CheckViolation, match=constraint):
        stack.rows(f"update transactions set {change}")


def test_one_attempt_is_open_at_a_time(stack: Stack):
    stack.checkout()
    with pytest.raises(psycopg2.errors.UniqueViolation, match="attempts_one_open"):
        stack.rows(
            "insert into attempts (id, transaction_id, account_id, number, expires_at, created_at)"
            " select gen_random_uuid(), transaction_id, account_id, 2, expires_at, created_at from attempts"
        )


def test_migrations_run_once_and_notice_an_edited_file(services: dict[str, str], tmp_path):
    name = f"migrations_{uuid.uuid4().hex[:8]}"
    url = Secret(create_database(services["PAYLINK_DATABASE_URL"], name))
    try:
        directory = default_sql_dir() / "migrations"
        assert migrate(url, directory) == [file.stem for file in sorted(directory.glob("*.sql"))]
        assert migrate(url, directory) == []
        for file in directory.glob("*.sql"):
            (tmp_path / file.name).write_text(file.read_text() + "-- edited\n")
        with pytest.raises(MigrationError, match="was changed after it was applied"):
            migrate(url, tmp_path)
        (tmp_path / "empty").mkdir()
        with pytest.raises(MigrationError, match="newer than this code"):
            migrate(url, tmp_path / "empty")
    finally:
        drop_database(services["PAYLINK_DATABASE_URL"], name)


def test_a_migration_that_fails_leaves_nothing_of_itself(services: dict[str, str], tmp_path):
    name = f"migrations_{uuid.uuid4().hex[:8]}"
    url = Secret(create_database(services["PAYLINK_DATABASE_URL"], name))
    try:
        (tmp_path / "0001_half.sql").write_text("create table half (n integer); select 1/0;")
        with pytest.raises(psycopg2.errors.DivisionByZero):
            migrate(url, tmp_path)
        (tmp_path / "0001_half.sql").write_text("create table half (n integer);")
        assert migrate(url, tmp_path) == ["0001_half"]
    finally:
        drop_database(services["PAYLINK_DATABASE_URL"], name)


def test_bodies_lie_in_their_months_partition_and_old_ones_are_dropped(stack: Stack):
    answer = stack.checkout()
    stack.pay(answer.body["checkout_url"])
    stack.settle()
    this_month = f"webhook_bodies_{datetime.now(UTC):%Y_%m}"
    assert {row["t"] for row in stack.rows("select tableoid::regclass::text as t from webhook_bodies")} == {this_month}
    assert stack.rows("select drop_webhook_body_partitions(current_date) as n") == [{"n": 0}]
    assert stack.rows("select drop_webhook_body_partitions(current_date + 70) as n")[0]["n"] >= 2
    assert stack.rows("select count(*) as n from webhook_bodies") == [{"n": 0}]
    stack.functions["relay_events"].call({})
    assert stack.rows("select to_regclass(%s)::text as t", this_month) == [{"t": this_month}]


def test_a_month_without_a_partition_loses_nothing(stack: Stack):
    stack.rows("select drop_webhook_body_partitions(current_date + 200)")
    answer = stack.checkout()
    stack.pay(answer.body["checkout_url"])
    stack.settle()
    assert stack.transaction(answer.body["id"])["state"] == "paid"
    stack.functions["relay_events"].call({})
    assert stack.rows("select count(*) as n from webhook_bodies_rest")[0]["n"] > 0
