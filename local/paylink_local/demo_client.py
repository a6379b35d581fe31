"""The two sides of a demo payment: PayLink's API as a merchant calls it, and the sandbox as the payer's hand."""

import json
import uuid
from typing import Any

import urllib3


class DemoFailed(Exception):
    """The demo cannot go on; the message says what was answered instead."""


class DemoClient:
    """
    Every method raises DemoFailed when the other side cannot be reached or does not answer as it must.
    """

    def __init__(self, api: str, sandbox: str, key: str) -> None:
        self._api = api
        self._sandbox = sandbox
        self._headers = {"Authorization": f"Bearer {key}"}
        self._pool = urllib3.PoolManager(timeout=30.0, retries=False)

    def create_checkout(
        self, provider: str, amount: int, currency: str, order: str, success_url: str = "https://example.com/thanks"
    ) -> dict[str, Any]:
        body = {
            "provider": provider,
            "amount": amount,
            "currency": currency,
            "order_reference": order,
            "description": "A demo order",
            "success_url": success_url,
        }
        headers = self._headers | {"Idempotency-Key": uuid.uuid4().hex}
        return self._json("POST", f"{self._api}/v1/checkout", 201, headers=headers, body=json.dumps(body))

    def transaction(self, transaction_id: str) -> dict[str, Any]:
        return self._json("GET", f"{self._api}/v1/tx/{transaction_id}", 200, headers=self._headers)

    def page_of(self, checkout_url: str) -> dict[str, Any]:
        """Return the sandbox's record of the page behind a checkout URL."""
        pages = self._json("GET", f"{self._sandbox}/_sandbox/ledger", 200)["pages"]
        for page in pages:
            if page["url"] == checkout_url:
                return dict(page)
        raise DemoFailed(f"the sandbox does not know {checkout_url}; is a real provider configured?")

    def pay(self, provider: str, page_id: str, action: str = "pay") -> None:
        self._json("POST", f"{self._sandbox}/_sandbox/{provider}/pages/{page_id}/{action}", 200)

    def pays_other_amounts(self) -> str:
        """Return a provider at whose page another amount than was asked for can be paid."""
        actions = self._json("GET", f"{self._sandbox}/_sandbox/actions", 200)
        return next(provider for provider, known in actions.items() if "pay-other-amount" in known["pages"])

    def charges(self, reference: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self._ledger(reference)["charges"]
        return found

    def deliveries(self, reference: str) -> list[dict[str, Any]]:
        url = f"{self._sandbox}/_sandbox/deliveries?reference={reference}"
        found: list[dict[str, Any]] = self._json("GET", url, 200)["deliveries"]
        return found

    def count(self, reference: str) -> tuple[int, int]:
        """Return how many pages and charges the sandbox made under a reference."""
        ledger = self._ledger(reference)
        return len(ledger["pages"]), len(ledger["charges"])

    def _ledger(self, reference: str) -> dict[str, Any]:
        return self._json("GET", f"{self._sandbox}/_sandbox/ledger?reference={reference}", 200)

    def _json(
        self, method: str, url: str, status: int, *, headers: dict[str, str] | None = None, body: str | None = None
    ) -> dict[str, Any]:
        try:
            response = self._pool.request(method, url, headers=headers, body=body)
            answer = json.loads(response.data)
        except urllib3.exceptions.HTTPError as exc:
            raise DemoFailed(f"{url} cannot be reached; start PayLink with ./scripts/up") from exc
        except ValueError as exc:
            raise DemoFailed(f"{method} {url} answered {response.status} and no JSON") from exc
        if response.status != status:
            raise DemoFailed(f"{method} {url} answered {response.status}: {json.dumps(answer)[:300]}")
        return dict(answer)
