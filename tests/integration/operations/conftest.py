"""What the tests of the operator's commands and routes share."""

import os
import subprocess
import sys
import uuid
from collections.abc import Callable

import pytest

from support.signing import intent_event
from support.stack import Stack

Command = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def paylink(stack: Stack) -> Command:
    """Runs the command `paylink` as a person does, beside the stack."""

    def run(*arguments: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "-m", "paylink_local.cli", *arguments],
            env=os.environ | stack.environ,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return run


@pytest.fixture
def make_event(stack: Stack) -> Callable[[str, str], uuid.UUID]:
    """Makes an event in a state: `make_event("dead", "evt_1")` returns its row's id."""

    def make(state: str, event_id: str) -> uuid.UUID:
        if state in ("applied", "parked"):
            stack.checkout()
            amount = {} if state == "applied" else {"amount_received": 100}
            event = intent_event("succeeded", event_id, newest_attempt(stack), **amount)
        else:
            event = {"id": event_id} if state == "dead" else {"id": event_id, "type": "a.b", "data": {"object": {}}}
        row_id = stack.deliver(event)
        if state != "in_flight":
            stack.deps.processing.process([row_id])
        assert stack.rows("select state from webhook_events where id = %s", row_id) == [{"state": state}]
        return row_id

    return make


def newest_attempt(stack: Stack) -> str:
    return str(stack.rows("select id from attempts order by id desc limit 1")[0]["id"])
