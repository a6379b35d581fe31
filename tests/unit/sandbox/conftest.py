"""A running sandbox, a merchant that receives its webhooks, and Stripe's own client."""

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import stripe
import urllib3

from paylink_sandbox.testing import running_sandbox

SECRET_KEY = "sk_test_sandboxtests00000000"
WEBHOOK_SECRET = "whsec_test_0123456789abcdef0123456789abcdef"
PREVIOUS_SECRET = "whsec_old_ffffffffffffffffffffffffffffffff"


@dataclass
class Received:
    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def event(self) -> dict[str, Any]:
        event: dict[str, Any] = json.loads(self.body)
        return event

    @property
    def type(self) -> str:
        return str(self.event["type"])


@dataclass
class Merchant:
    """Receives webhooks. `answers` are given first, one for each request; then 200."""

    url: str
    received: list[Received] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)
    changed: threading.Condition = field(default_factory=threading.Condition)

    def wait_for(self, *types: str, timeout_s: float = 5) -> list[Received]:
        """All webhooks so far, once each of these types has arrived."""
        return self.wait_until(lambda: set(types) <= {item.type for item in self.received}, timeout_s)

    def wait_until(self, condition: Callable[[], bool], timeout_s: float = 5) -> list[Received]:
        with self.changed:
            assert self.changed.wait_for(condition, timeout_s), f"received only {[r.type for r in self.received]}"
            return list(self.received)


@pytest.fixture
def merchant() -> Iterator[Merchant]:
    merchant = Merchant("")

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            with merchant.changed:
                merchant.received.append(Received(self.path, dict(self.headers), body))
                status = merchant.answers.pop(0) if merchant.answers else 200
                merchant.changed.notify_all()
            self.send_response(status)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"ok")

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    merchant.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    yield merchant
    server.shutdown()
    server.server_close()


@dataclass
class Clock:
    """The real time, moved on by hand."""

    offset_s: float = 0

    def __call__(self) -> float:
        return time.time() + self.offset_s


@dataclass
class Control:
    """The control API."""

    url: str

    def call(self, method: str, path: str, body: object = None, status: int = 200) -> Any:
        data = None if body is None else json.dumps(body)
        answer = urllib3.request(method, self.url + path, body=data, retries=False)
        assert answer.status == status, answer.data
        return json.loads(answer.data)

    def pay(self, session_id: str, action: str = "pay", status: int = 200) -> Any:
        return self.call("POST", f"/_sandbox/stripe/pages/{session_id}/{action}", status=status)

    def charge(self, charge_id: str, action: str, body: object = None, status: int = 200) -> Any:
        return self.call("POST", f"/_sandbox/stripe/charges/{charge_id}/{action}", body, status)

    def fault(self, kind: str, **fields: object) -> None:
        self.call("PUT", "/_sandbox/faults", {"kind": kind, **fields})

    def ledger(self) -> Any:
        return self.call("GET", "/_sandbox/ledger")

    def deliveries(self, reference: str | None = None) -> list[Any]:
        query = f"?reference={reference}" if reference else ""
        found: list[Any] = self.call("GET", f"/_sandbox/deliveries{query}")["deliveries"]
        return found

    def settled(self, reference: str | None = None, timeout_s: float = 5) -> list[Any]:
        """The deliveries, once none is pending."""
        deadline = time.monotonic() + timeout_s
        while True:
            found = self.deliveries(reference)
            if all(item["state"] != "pending" for item in found):
                return found
            assert time.monotonic() < deadline, found
            time.sleep(0.02)


@dataclass
class Sandbox:
    url: str
    client: stripe.StripeClient
    control: Control
    clock: Clock
    environment: dict[str, str]

    def create(self, reference: str = "ORDER-1", **changes: Any) -> stripe.checkout.Session:
        given: Any = {**order(reference), **changes}
        return self.client.v1.checkout.sessions.create(given)


def order(reference: str = "ORDER-1", units: int = 15_000_000, currency: str = "idr") -> Any:
    return {
        "mode": "payment",
        "line_items": [
            {
                "price_data": {"currency": currency, "unit_amount": units, "product_data": {"name": "Café table"}},
                "quantity": 1,
            }
        ],
        "success_url": "http://localhost:9/thanks?session={CHECKOUT_SESSION_ID}",
        "cancel_url": "http://localhost:9/cart",
        "client_reference_id": reference,
        "metadata": {"order": reference},
        "payment_intent_data": {"metadata": {"payment": reference}},
    }


def stripe_client(url: str, key: str = SECRET_KEY) -> stripe.StripeClient:
    return stripe.StripeClient(key, base_addresses={"api": f"{url}/stripe"}, max_network_retries=0)


@pytest.fixture
def environment(merchant: Merchant, tmp_path: Path) -> dict[str, str]:
    return {
        "PAYLINK_ENVIRONMENT": "test",
        "PAYLINK_HOME": str(tmp_path),
        "PAYLINK_PROVIDERS": "stripe",
        "PAYLINK_PUBLIC_URL": merchant.url,
        "PAYLINK_STRIPE_SECRET_KEY": SECRET_KEY,
        "PAYLINK_STRIPE_WEBHOOK_SECRET": WEBHOOK_SECRET,
    }


@contextmanager
def serve(environment: dict[str, str], seed: int = 1) -> Iterator[Sandbox]:
    clock = Clock()
    with running_sandbox(environment, clock=clock, seed=seed) as url:
        yield Sandbox(url, stripe_client(url), Control(url), clock, environment)


@pytest.fixture
def sandbox(environment: dict[str, str]) -> Iterator[Sandbox]:
    with serve(environment) as sandbox:
        yield sandbox
