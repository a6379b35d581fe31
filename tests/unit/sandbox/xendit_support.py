"""A running sandbox with Xendit in it, called as a merchant's program would, and by Xendit's own client."""

import base64
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import urllib3
import xendit

from paylink_sandbox.testing import running_sandbox

from .conftest import Clock, Control, Merchant, Received

SECRET_KEY = "xnd_development_TESTKEY0123456789"
CALLBACK_TOKEN = "xnd_cb_test_9f8e7d6c5b4a"


@dataclass
class Answer:
    status: int
    headers: urllib3.HTTPHeaderDict
    text: str

    @property
    def body(self) -> Any:
        return json.loads(self.text, parse_float=Decimal)


@dataclass
class Xendit:
    """merchant: receives the webhooks. environment: what the sandbox was started with."""

    url: str
    control: Control
    clock: Clock
    merchant: Merchant
    environment: dict[str, str]

    @property
    def api(self) -> str:
        return f"{self.url}/xendit"

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        key: str = SECRET_KEY,
        raw: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        credentials = base64.b64encode(f"{key}:".encode()).decode()
        given = {"Authorization": f"Basic {credentials}", "Content-Type": "application/json", **(headers or {})}
        data = json.dumps(body).encode() if body is not None else raw
        answer = urllib3.request(method, self.api + path, body=data, headers=given, retries=False, timeout=10)
        return Answer(answer.status, answer.headers, answer.data.decode())

    def get(self, path: str) -> Any:
        answer = self.call("GET", path)
        assert answer.status == 200, answer.text
        return answer.body

    def invoice(self, reference: str = "PL-1", amount: Any = 150_000, **fields: Any) -> Any:
        answer = self.call("POST", "/v2/invoices", {"external_id": reference, "amount": amount, **fields})
        assert answer.status == 200, answer.text
        return answer.body

    def act(self, invoice: Any, action: str, status: int = 200) -> Any:
        return self.control.call("POST", f"/_sandbox/xendit/pages/{invoice['id']}/{action}", status=status)

    def paid(self, reference: str = "PL-1", amount: Any = 150_000, action: str = "pay", **fields: Any) -> Any:
        """A paid invoice."""
        made = self.invoice(reference, amount, **fields)
        self.act(made, action)
        return self.get(f"/v2/invoices/{made['id']}")

    def act_on_charge(self, invoice: Any, action: str, body: Any = None, status: int = 200) -> Any:
        path = f"/_sandbox/xendit/charges/{invoice['payment_id']}/{action}"
        return self.control.call("POST", path, body, status)

    def refund(self, invoice: Any, key: str | None = None, **fields: Any) -> Answer:
        headers = {"idempotency-key": key} if key else {}
        return self.call("POST", "/refunds", {"invoice_id": invoice["id"], **fields}, headers=headers)

    def events(self, *, count: int) -> list[Received]:
        """The first `count` webhooks, repetitions left out."""

        def seen() -> list[Received]:
            return list({item.headers["webhook-id"]: item for item in self.merchant.received}.values())

        self.merchant.wait_until(lambda: len(seen()) >= count)
        return seen()

    def client(self, key: str = SECRET_KEY) -> xendit.ApiClient:
        return xendit.ApiClient(xendit.Configuration(host=self.api, api_key=key))


def settings(merchant: Merchant, home: Path) -> dict[str, str]:
    return {
        "PAYLINK_ENVIRONMENT": "test",
        "PAYLINK_HOME": str(home),
        "PAYLINK_PROVIDERS": "xendit",
        "PAYLINK_PUBLIC_URL": merchant.url,
        "PAYLINK_XENDIT_SECRET_KEY": SECRET_KEY,
        "PAYLINK_XENDIT_CALLBACK_TOKEN": CALLBACK_TOKEN,
    }


@contextmanager
def serve(merchant: Merchant, home: Path, **changes: str) -> Iterator[Xendit]:
    """The provider's time is the real time unless `PAYLINK_SANDBOX_TIME_SCALE` is given."""
    environment = {"PAYLINK_SANDBOX_TIME_SCALE": "1", **settings(merchant, home), **changes}
    clock = Clock()
    with running_sandbox(environment, clock=clock, seed=1) as url:
        yield Xendit(url, Control(url), clock, merchant, environment)
