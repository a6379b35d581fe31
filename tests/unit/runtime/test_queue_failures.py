"""That SQS is away is told, and not as often as it is tried."""

import logging
import socket
import uuid

import pytest

from paylink.core.seldom import Seldom
from paylink.runtime.queues import SqsQueue


@pytest.fixture
def away(monkeypatch: pytest.MonkeyPatch) -> str:
    """Return the address of a queue where nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        endpoint = f"http://127.0.0.1:{probe.getsockname()[1]}"
    for name, value in (("ENDPOINT_URL_SQS", endpoint), ("ACCESS_KEY_ID", "x"), ("SECRET_ACCESS_KEY", "x")):
        monkeypatch.setenv(f"AWS_{name}", value)
    monkeypatch.setenv("AWS_REGION", "ap-southeast-3")
    return f"{endpoint}/000000000000/webhook-events"


def test_a_queue_that_is_away_is_told_of_once_in_a_while(away: str, caplog: pytest.LogCaptureFixture):
    """The next line says how many were held back."""
    caplog.set_level(logging.WARNING, "paylink")
    now = [0.0]
    queue = SqsQueue(away, away, Seldom(10, lambda: now[0]))
    for _ in range(5):
        queue.send([uuid.uuid4()])
        assert queue.send_dead(uuid.uuid4(), "unreadable") is False
    [line] = caplog.records
    assert (line.getMessage(), line.levelname, line.held_back) == ("queue send failed", "WARNING", 0)
    now[0] = 10.0
    queue.send([uuid.uuid4()])
    assert caplog.records[-1].held_back == 9
