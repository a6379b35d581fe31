"""kill -9 of any one process but the supervisor: it comes back, and a payment in flight still ends paid."""

import os
import signal
import time

import pytest

from paylink_local.demo_client import DemoFailed
from support.running import RunningStack

SERVICES = ("postgres", "valkey", "localstack", "gateway", "worker", "sandbox")


def eventually(running: RunningStack, transaction_id: str, within_s: float) -> float:
    started = time.monotonic()
    while time.monotonic() - started < within_s:
        try:
            if running.client.transaction(transaction_id)["state"] == "paid":
                return time.monotonic() - started
        except DemoFailed:
            pass  # the API is what was killed
        time.sleep(0.1)
    raise AssertionError(f"not paid within {within_s} s; {running.status()}")


@pytest.mark.parametrize("service", SERVICES)
def test_a_payment_in_flight_survives(running: RunningStack, service: str):
    """Killed right after the payer's click, while webhooks and messages are under way."""
    answer = running.client.create_checkout("stripe", 150_000, "IDR", f"kill-{service}")
    page = running.client.page_of(answer["checkout_url"])
    victim = next(s for s in running.status().services if s.name == service)
    assert victim.pid is not None
    running.client.pay("stripe", page["id"])
    os.kill(victim.pid, signal.SIGKILL)
    eventually(running, answer["id"], within_s=90)
    for _ in range(300):
        again = next(s for s in running.status().services if s.name == service)
        if running.status().is_healthy and again.restarts > victim.restarts:
            break
        time.sleep(0.1)
    assert again.restarts == victim.restarts + 1
    assert again.pid != victim.pid
    assert running.client.count(page["reference"]) == (1, 1)


def test_the_worker_killed_before_the_click_catches_up(running: RunningStack):
    answer = running.client.create_checkout("stripe", 150_000, "IDR", "kill-worker-first")
    page = running.client.page_of(answer["checkout_url"])
    victim = next(s for s in running.status().services if s.name == "worker")
    os.kill(victim.pid, signal.SIGKILL)
    running.client.pay("stripe", page["id"])
    eventually(running, answer["id"], within_s=60)
