"""A running sandbox of Midtrans, with Midtrans' own client."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import midtransclient
import urllib3

from paylink_sandbox.testing import running_sandbox

from .conftest import Clock, Control, Merchant

SERVER_KEY = "SB-Mid-server-TESTKEY0123456789"


class MidtransControl(Control):
    """The control API, as to Midtrans."""

    def pay(self, session_id: str, action: str = "pay", status: int = 200) -> Any:
        return self.call("POST", f"/_sandbox/midtrans/pages/{session_id}/{action}", status=status)

    def charge(self, charge_id: str, action: str, body: object = None, status: int = 200) -> Any:
        return self.call("POST", f"/_sandbox/midtrans/charges/{charge_id}/{action}", body, status)


@dataclass
class Sandbox:
    url: str
    snap: midtransclient.Snap
    core: midtransclient.CoreApi
    control: MidtransControl
    clock: Clock
    environment: dict[str, str]

    def create(self, order_id: str = "ORDER-1", **changes: Any) -> str:
        """Make a page and give its token."""
        made: dict[str, str] = self.snap.create_transaction({**order(order_id), **changes})
        return made["token"]

    def paid(self, order_id: str = "ORDER-1", *actions: str, **changes: Any) -> str:
        """Make a page, press these buttons (by default `pay`), and give the newest transaction's id."""
        token = self.create(order_id, **changes)
        for action in actions or ("pay",):
            self.control.pay(token, action)
        return str(self.status(order_id)["transaction_id"])

    def status(self, name: str = "ORDER-1") -> dict[str, Any]:
        found: dict[str, Any] = self.core.transactions.status(name)
        return found

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        """A call that the client has no method for, or would not make."""
        basic = urllib3.make_headers(basic_auth=f"{SERVER_KEY}:")
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        raw = body if isinstance(body, bytes | None) else json.dumps(body)
        answer = urllib3.request(
            method, f"{self.url}/midtrans{path}", body=raw, headers={**basic, **sent}, retries=False
        )
        return answer.status, answer.json()

    def page(self, token: str, query: str = "") -> str:
        return urllib3.request("GET", f"{self.url}/midtrans/pay/{token}{query}").data.decode()


def order(order_id: str = "ORDER-1", gross_amount: int = 150_000) -> dict[str, Any]:
    return {
        "transaction_details": {"order_id": order_id, "gross_amount": gross_amount},
        "item_details": [{"id": "T1", "name": "Café table", "price": gross_amount, "quantity": 1}],
        "customer_details": {"first_name": "Budi", "email": "budi@example.com"},
        "callbacks": {"finish": "http://localhost:9/thanks?shop=1", "error": "http://localhost:9/cart"},
    }


def environment_of(merchant: Merchant, home: Path) -> dict[str, str]:
    return {
        "PAYLINK_ENVIRONMENT": "test",
        "PAYLINK_HOME": str(home),
        "PAYLINK_PROVIDERS": "midtrans",
        "PAYLINK_PUBLIC_URL": merchant.url,
        "PAYLINK_MIDTRANS_SERVER_KEY": SERVER_KEY,
        "PAYLINK_SANDBOX_TIME_SCALE": "1000000",
    }


@contextmanager
def serve(environment: dict[str, str]) -> Iterator[Sandbox]:
    clock = Clock()
    with running_sandbox(environment, clock=clock, seed=1) as url:
        yield connect(url, environment, clock)


def connect(url: str, environment: dict[str, str], clock: Clock, key: str = SERVER_KEY) -> Sandbox:
    snap, core = midtransclient.Snap(server_key=key), midtransclient.CoreApi(server_key=key)
    for client in (snap, core):
        client.api_config.SNAP_SANDBOX_BASE_URL = f"{url}/midtrans/snap/v1"
        client.api_config.CORE_SANDBOX_BASE_URL = f"{url}/midtrans"
    return Sandbox(url, snap, core, MidtransControl(url), clock, environment)


def notices(merchant: Merchant, *statuses: str, timeout_s: float = 5) -> list[dict[str, Any]]:
    """All notifications so far, once each of these transaction_statuses has come."""

    def told() -> list[str]:
        return [str(item.event["transaction_status"]) for item in merchant.received]

    with merchant.changed:
        assert merchant.changed.wait_for(lambda: set(statuses) <= set(told()), timeout_s), told()
        return [item.event for item in merchant.received]


def tries_of(sandbox: Sandbox, timeout_s: float = 5) -> list[int | None]:
    """What each try of the only webhook was answered, once it is settled."""
    deadline = time.monotonic() + timeout_s
    while True:
        found = sandbox.control.deliveries()
        if found and all(item["state"] != "pending" for item in found):
            return [attempt["status_code"] for attempt in found[0]["attempts"]]
        assert time.monotonic() < deadline, found
        time.sleep(0.02)
