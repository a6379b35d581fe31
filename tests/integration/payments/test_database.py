"""The way to Postgres: deadlines, and tables that change while processes live."""

import time
from collections.abc import Iterator

import pytest

from paylink.core.errors import StorageUnavailable
from paylink.core.secret import Secret
from paylink.store.database import Database
from support.stack import Stack

QUERIES = {"nothing": "select 1", "sleep": "select pg_sleep(4)"}


@pytest.fixture
def database(stack: Stack) -> Iterator[Database]:
    database = Database(Secret(stack.environ["PAYLINK_DATABASE_URL"]), QUERIES)
    yield database
    database.close()


def test_a_server_that_does_not_answer_is_waited_for_until_the_deadline(database: Database):
    started_s = time.monotonic()
    with pytest.raises(StorageUnavailable):
        database.run(lambda uow: uow.run("sleep"), deadline_s=0.5)
    assert time.monotonic() - started_s < 2


def test_work_within_other_work_leaves_it_its_deadline(database: Database):
    started_s = time.monotonic()
    with pytest.raises(StorageUnavailable):
        database.run(
            lambda uow: (database.run(lambda inner: inner.run("nothing")), uow.run("sleep")),
            deadline_s=0.5,
        )
    assert time.monotonic() - started_s < 2


@pytest.mark.parametrize(
    ("change", "undo"),
    [
        ("add column later integer", "drop column later"),
        ("alter column description type varchar(1000)", "alter column description type text"),
    ],
    ids=["a column more", "another type"],
)
def test_a_migration_ends_nothing_that_processes_have_prepared(stack: Stack, change: str, undo: str):
    stack.paid()
    for table_change in (change, undo):
        stack.rows(f"alter table transactions {table_change}")
        stack.paid()
    assert [event["state"] for event in stack.events()].count("dead") == 0
