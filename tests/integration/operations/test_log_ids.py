"""A line of the log says which transaction, event or account it is about."""

import logging
from typing import Any

import psycopg2
import pytest

from paylink.core.secret import Secret
from paylink.providers.port import Effect, ErrorKind, ProviderError
from paylink.store.database import Database
from support.stack import Stack


def lines(caplog: pytest.LogCaptureFixture, message: str) -> list[Any]:
    return [record for record in caplog.records if record.getMessage() == message]


def test_an_alert_of_a_checkout_names_its_transaction_and_attempt(
    stack: Stack, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    """Although who raises it knows of the account only."""

    def refuse(*_: object) -> None:
        raise ProviderError(ErrorKind.AUTH, "wrong_key", effect=Effect.NOTHING)

    monkeypatch.setattr(stack.deps.providers["stripe"], "create_payment", refuse)
    stack.checkout()
    [alert] = [line for line in lines(caplog, "alert") if line.alert == "account_refused"]
    [attempt] = stack.rows("select id, transaction_id, account_id from attempts")
    named = (alert.attempt_id, alert.transaction_id, alert.account_id)
    assert named == (str(attempt["id"]), str(attempt["transaction_id"]), str(attempt["account_id"]))


def test_a_dead_event_is_named_by_its_row_and_by_its_providers_id(stack: Stack, caplog: pytest.LogCaptureFixture):
    event = {"id": "evt_dead", "object": "event", "type": "checkout.session.completed", "data": {"object": []}}
    row_id = stack.deliver(event)
    stack.settle()
    [alert] = [line for line in lines(caplog, "alert") if line.alert == "dead_event"]
    assert (alert.levelname, alert.event_row_id, alert.event_id) == ("ERROR", str(row_id), "evt_dead")


def test_each_change_of_a_transaction_is_told_at_debug(stack: Stack, caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.DEBUG, "paylink")
    transaction = stack.paid()
    changes = [line for line in lines(caplog, "a transaction changes") if line.transaction_id == transaction["id"]]
    assert [line.state for line in changes] == ["paid"]
    assert changes[0].evidence == "webhook"
    assert stack.refund(transaction["id"], amount=50_000).status == 201
    assert [line.transaction_id for line in lines(caplog, "a refund changes")][:1] == [transaction["id"]]


def test_nothing_is_told_of_what_went_well(stack: Stack, caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.INFO, "paylink")
    stack.paid()
    assert [line.getMessage() for line in caplog.records if line.name == "paylink"] == []


def test_a_database_that_is_away_is_told_of_and_its_password_is_not(caplog: pytest.LogCaptureFixture):
    """Once in a while, however often it is asked."""
    database = Database(Secret("postgresql://paylink:hunter2@127.0.0.1:1/paylink"), {}, size=1)
    for _ in range(3):
        with pytest.raises(Exception, match="database") as failed:
            database.run(lambda uow: uow.all("x"), deadline_s=0.5)
        assert isinstance(failed.value.__cause__, psycopg2.OperationalError)
    [line] = lines(caplog, "the database gives no answer")
    assert "Connection refused" in line.error
    assert "hunter2" not in str(vars(line))
