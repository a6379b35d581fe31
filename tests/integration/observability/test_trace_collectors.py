"""PayLink with collectors that are none: requests are answered, and processes end, as if there were one."""

import json
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import urllib3

from paylink.runtime.trace_export import SpanExporter
from support.gateway import running_gateway, running_worker
from support.signing import foreign_event, sign
from support.stack import Stack, doors

Trace = Callable[..., SpanExporter]

REQUESTS = 120
ENDS_WITHIN_S = 8
"""What is not over by then, whoever started it kills."""


def test_processes_whose_collector_is_deaf_work_and_end_as_ever(stack: Stack, tmp_path: Path):
    key = {"Authorization": f"Bearer {stack.environ['PAYLINK_DEMO_MERCHANT_KEY']}"}
    slowest_s = 0.0
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        settings = {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{deaf.getsockname()[1]}"}
        with running_gateway(stack, tmp_path / "gateway.log", **settings) as (port, _):
            for _ in range(REQUESTS):
                began_s = time.monotonic()
                answer = urllib3.request("GET", f"http://127.0.0.1:{port}/v1/tx", headers=key, retries=False)
                slowest_s = max(slowest_s, time.monotonic() - began_s)
                assert answer.status == 200
            # Some are being sent by now, to nobody.
            time.sleep(5.5)
            began_s = time.monotonic()
        assert time.monotonic() - began_s < ENDS_WITHIN_S
        with running_worker(stack, tmp_path / "worker.log", **settings):
            # Schedules run each second.
            time.sleep(6.5)
            began_s = time.monotonic()
        assert time.monotonic() - began_s < ENDS_WITHIN_S
    assert slowest_s < 2
    told = (tmp_path / "gateway.log").read_text() + (tmp_path / "worker.log").read_text()
    assert "did not end in time" not in told
    assert "Traceback" not in told


def test_a_webhook_that_cannot_be_begun_leaves_nothing_behind(
    stack: Stack, trace: Trace, monkeypatch: pytest.MonkeyPatch
):
    """Where a machine has no thread left, memory must not grow by each webhook that is refused for it."""

    def refuse_to_start(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    trace()
    raw = json.dumps(foreign_event()).encode()
    headers = {"Stripe-Signature": sign(stack.environ["PAYLINK_STRIPE_WEBHOOK_SECRET"], raw)}
    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", refuse_to_start)
        assert stack.call("POST", "/v1/webhook/stripe", headers=headers, raw=raw).status == 500
    assert stack.deps.intake._traces == {}
    assert stack.call("POST", "/v1/webhook/stripe", headers=headers, raw=raw).status == 200


def test_a_collector_that_is_our_own_api_makes_no_storm(stack: Stack, trace: Trace):
    """What is sent there makes spans, which are sent there: never more requests than there were."""
    with doors(lambda: stack) as address:
        exporter = trace(OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=f"{address}/v1/webhook/stripe")
        stack.call("POST", "/v1/webhook/stripe", raw=b"{}")
        counts = []
        for _ in range(3):
            time.sleep(0.5)
            counts.append(len(stack.received))
            assert len(exporter._waiting) < 100
    # Spans are gathered for 0.02 s: one request for each time.
    assert 1 < counts[-1] <= 1.5 / 0.02 + 1
    assert counts[2] - counts[1] <= 0.5 / 0.02 + 1
    assert {answer.status for answer in stack.received} == {401}
