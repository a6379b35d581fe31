"""Refunds over the real gateway and worker: many at once never exceed what was captured."""

import json
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import urllib3

from paylink.providers.registry import provider_slugs
from support.running import RunningStack

CROWD = 50


class Merchant:
    """A merchant's requests over HTTP, with the demo key."""

    def __init__(self, running: RunningStack) -> None:
        self._running = running
        self._pool = urllib3.PoolManager(timeout=30.0, retries=False, maxsize=CROWD)

    def post(self, path: str, body: dict[str, Any], key: str) -> tuple[int, dict[str, Any]]:
        headers = self._running.client._headers | {"Idempotency-Key": key}
        answer = self._pool.request("POST", self._running.api + path, headers=headers, body=json.dumps(body))
        return answer.status, json.loads(answer.data)

    def paid(self, slug: str) -> str:
        client = self._running.client
        made = client.create_checkout(slug, 150_000, "IDR", f"refunds-{uuid.uuid4().hex[:8]}")
        client.pay(slug, client.page_of(made["checkout_url"])["id"])
        self.wait(made["id"], lambda transaction: transaction["state"] == "paid")
        return str(made["id"])

    def wait(self, transaction_id: str, until: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        stop_at = time.monotonic() + 60
        while time.monotonic() < stop_at:
            transaction = self._running.client.transaction(transaction_id)
            if until(transaction):
                return transaction
            time.sleep(0.2)
        raise AssertionError(transaction)


@pytest.mark.parametrize("slug", provider_slugs())
def test_fifty_refunds_at_once_over_http(running: RunningStack, slug: str):
    """With different keys as many as fit; each answer is 201 or says that nothing is left."""
    merchant = Merchant(running)
    transaction_id = merchant.paid(slug)
    barrier = threading.Barrier(CROWD)

    def refund(number: int) -> int:
        barrier.wait()
        return merchant.post(f"/v1/tx/{transaction_id}/refunds", {"amount": 10_000}, uuid.uuid4().hex)[0]

    with ThreadPoolExecutor(CROWD) as threads:
        statuses = Counter(threads.map(refund, range(CROWD)))
    assert statuses == {201: 15, 422: 35}
    refunds = running.client.transaction(transaction_id)["refunds"]
    assert [refund["amount"] for refund in refunds] == [10_000] * 15


def test_one_key_many_times_over_http_is_one_refund(running: RunningStack):
    """And its total follows by itself, by webhook."""
    merchant = Merchant(running)
    transaction_id = merchant.paid("stripe")
    key, path = uuid.uuid4().hex, f"/v1/tx/{transaction_id}/refunds"
    with ThreadPoolExecutor(20) as threads:
        statuses = Counter(threads.map(lambda _: merchant.post(path, {"amount": 10_000}, key)[0], range(40)))
    assert set(statuses) <= {201, 409}
    after = merchant.wait(transaction_id, lambda transaction: transaction["refund_reserved"] == 0)
    assert (after["state"], after["refunded"], len(after["refunds"])) == ("partially_refunded", 10_000, 1)
