"""docs/refunds.md: its requests, run as they stand there, are answered as it prints."""

import json
import os
import subprocess
import time
import uuid
from typing import Any

import urllib3

from support.documents import alike, blocks, page, section
from support.running import RunningStack

PAGE = page("refunds.md")
http = urllib3.PoolManager(retries=False, timeout=30.0)


def transaction(running: RunningStack, state: str, **more: str) -> str:
    """Return the id of an order as the page's reader has one."""
    order = {"provider": "stripe", "amount": 150_000, "currency": "IDR", "order_reference": "order-1001"}
    body = json.dumps({**order, "success_url": "https://example.com/thanks", **more})
    headers = running.client._headers | {"Idempotency-Key": uuid.uuid4().hex}
    made = http.request("POST", f"{running.api}/v1/checkout", body=body, headers=headers).json()
    if state != "pending":
        http.request("POST", made["checkout_url"] + "/pay", redirect=False)
    stop_at = time.monotonic() + 60
    while running.client.transaction(made["id"])["state"] != state:
        assert time.monotonic() < stop_at
        time.sleep(0.1)
    return str(made["id"])


def assert_as_shown(running: RunningStack, heading: str, transaction_id: str, **differs: Any) -> None:
    """Run the section's first request and compare the answer with the one below it, but for what `differs`."""
    part = section(PAGE, heading)
    key = running.client._headers["Authorization"].removeprefix("Bearer ")
    environ = {**os.environ, "PAYLINK_URL": running.api, "PAYLINK_KEY": key, "TX": transaction_id, "NO_PROXY": "*"}
    code = blocks(part, "sh")[0].replace("refund-1001-", f"refund-{transaction_id}-")
    done = subprocess.run(["bash", "-eu", "-c", code], env=environ, capture_output=True)
    answer, shown = json.loads(done.stdout), json.loads(blocks(part, "json")[0])
    assert alike(answer | differs) == alike(shown | differs)


def test_refunds(running: RunningStack):
    paid = transaction(running, "paid")
    assert_as_shown(running, "Give a part back", paid)
    # Whether the first refund is still under way is a matter of milliseconds.
    assert_as_shown(running, "Ask for too much", paid, detail="")
    assert_as_shown(running, "Give the rest back", paid)


def test_a_cancellation(running: RunningStack):
    assert_as_shown(running, "Cancel a page", transaction(running, "pending"))


def test_a_capture(running: RunningStack):
    assert_as_shown(running, "Hold money first", transaction(running, "authorized", capture="manual"))
