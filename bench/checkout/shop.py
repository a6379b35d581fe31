"""What happened before the events of cold starts: payments of every kind, by the API and the sandbox."""

import json
import time
from typing import Any
from uuid import uuid4

import urllib3

from bench.checkout.requests import ORDER
from bench.common.paylink_side import PayLink
from bench.common.rules import Void

_PATIENCE_S = 60.0


class Shop:
    """`provider` must be able to hold money, and be the sandbox's."""

    def __init__(self, side: PayLink, merchant_key: str, provider: str) -> None:
        self._api = f"http://127.0.0.1:{side.port}"
        self._sandbox = f"http://127.0.0.1:{side.environ['PAYLINK_SANDBOX_PORT']}/_sandbox"
        self._key = merchant_key
        self._provider = provider
        self._pool = urllib3.PoolManager()

    def merchant(self, method: str, path: str, body: Any = None) -> Any:
        """
        Raises:
            Void: The answer is no success.
        """
        headers = {"Authorization": f"Bearer {self._key}", "Idempotency-Key": str(uuid4())}
        return self._ask(method, self._api + path, body, headers)

    def checkout(self, **changes: Any) -> dict[str, Any]:
        order = ORDER | {"provider": self._provider, "order_reference": "cold"} | changes
        return dict(self.merchant("POST", "/v1/checkout", order))

    def pay(self, made: dict[str, Any]) -> None:
        pages = self._ask("GET", f"{self._sandbox}/ledger")["pages"]
        page = next(page for page in pages if page["url"] == made["checkout_url"])
        self._ask("POST", f"{self._sandbox}/{page['provider']}/pages/{page['id']}/pay")

    def webhook(self, provider: str, raw: bytes, signature: str) -> None:
        """Send one by the provider's own way; `signature` is the header's."""
        answer = self._pool.request(
            "POST", f"{self._api}/v1/webhook/{provider}", body=raw, headers={"Stripe-Signature": signature}
        )
        if answer.status != 200:
            raise Void(f"a webhook was answered {answer.status}: {answer.data[:300]!r}")

    def await_state(self, transaction_id: str, state: str) -> None:
        """
        Raises:
            Void: The transaction has not come to it.
        """
        give_up = time.monotonic() + _PATIENCE_S
        while (found := self.merchant("GET", f"/v1/tx/{transaction_id}")["state"]) != state:
            if time.monotonic() > give_up:
                raise Void(f"a transaction is {found} and not {state}")
            time.sleep(0.1)

    def cancel_in_vain(self) -> None:
        """Leave a cancellation behind whose outcome is not known."""
        made = self.checkout()
        self._ask("PUT", f"{self._sandbox}/faults", {"kind": "api_error_before", "count": 1, "match": "POST"})
        self.merchant("POST", f"/v1/tx/{made['id']}/cancel")

    def _ask(self, method: str, url: str, body: Any = None, headers: dict[str, str] | None = None) -> Any:
        raw = None if body is None else json.dumps(body).encode()
        answer = self._pool.request(
            method, url, body=raw, headers={"Content-Type": "application/json"} | (headers or {})
        )
        if not 200 <= answer.status < 300:
            raise Void(f"{method} {url} was answered {answer.status}: {answer.data[:300]!r}")
        return json.loads(answer.data)
