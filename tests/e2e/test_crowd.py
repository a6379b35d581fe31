"""Many clients at once at the real gateway: one page and one charge for each key, whoever asks how often."""

import json
import random
import threading
import uuid
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import urllib3

from support.running import RunningStack

AT_ONCE = 200


class Crowd:
    """Clients that all send at the same moment, each on a connection of its own."""

    def __init__(self, running: RunningStack, size: int = AT_ONCE) -> None:
        self._running = running
        self._barrier = threading.Barrier(size)
        self._threads = ThreadPoolExecutor(size)

    def send(self, keys: list[str], reference: str) -> list[tuple[str, int, dict[str, Any], bool]]:
        """Return for each request its key, the status, the body, and whether it was marked as a replay."""
        return list(self._threads.map(lambda key: self._one(key, reference), keys))

    def _one(self, key: str, reference: str) -> tuple[str, int, dict[str, Any], bool]:
        body = {
            "provider": "stripe",
            "amount": 150_000,
            "currency": "IDR",
            "order_reference": f"{reference}-{key[:8]}",
            "success_url": "https://example.com/thanks",
        }
        headers = self._running.client._headers | {"Idempotency-Key": key}
        with urllib3.PoolManager(timeout=60.0, retries=False) as pool:
            self._barrier.wait()
            url = f"{self._running.api}/v1/checkout"
            answer = pool.request("POST", url, body=json.dumps(body), headers=headers)
        return key, answer.status, json.loads(answer.data), "Idempotency-Replayed" in answer.headers


def test_two_hundred_requests_with_one_key_make_one_page_and_one_charge(running: RunningStack):
    key = uuid.uuid4().hex
    answers = Crowd(running).send([key] * AT_ONCE, "crowd")
    statuses = Counter(status for _, status, _, _ in answers)
    assert set(statuses) <= {201, 409}, statuses
    assert [replayed for _, status, _, replayed in answers if status == 201].count(False) == 1
    assert len({body["id"] for _, status, body, _ in answers if status == 201}) == 1
    [url] = {body["checkout_url"] for _, status, body, _ in answers if status == 201}
    page = running.client.page_of(url)
    running.client.pay("stripe", page["id"])
    assert running.client.count(f"crowd-{key[:8]}") == (1, 1)


def test_two_hundred_requests_with_mixed_keys_make_one_page_for_each_key(running: RunningStack):
    keys = [uuid.uuid4().hex for _ in range(20)]
    sent = [key for key in keys for _ in range(AT_ONCE // len(keys))]
    random.shuffle(sent)
    answers = Crowd(running).send(sent, "mixed")
    assert {status for _, status, _, _ in answers} <= {201, 409}
    pages = {key: {body["checkout_url"] for k, status, body, _ in answers if (k, status) == (key, 201)} for key in keys}
    assert all(len(urls) == 1 for urls in pages.values()), pages
    assert len(set.union(*pages.values())) == len(keys)
    for key in keys:
        assert running.client.count(f"mixed-{key[:8]}") == (1, 0)
