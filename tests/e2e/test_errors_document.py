"""docs/errors.md shows what is really answered: each error that a client can provoke, provoked."""

import json
import re
import time
import uuid
from collections.abc import Callable
from typing import Any

import pytest
import urllib3

from paylink_local.instance import load_environment
from support.documents import alike, blocks, page
from support.running import RunningStack

SECTIONS = dict(re.findall(r"^## ([a-z-]+)\n(.*?)(?=^## |\Z)", page("errors.md"), re.M | re.S))
ORDER = {"provider": "stripe", "amount": 150_000, "currency": "IDR", "order_reference": "order-1001"}
ORDER["success_url"] = "https://example.com/thanks"
http = urllib3.PoolManager(retries=False, timeout=30.0)


class Client:
    """Sends what a merchant or an operator sends, right and wrong."""

    def __init__(self, running: RunningStack) -> None:
        settings = load_environment(running.home, running.environ)
        self.keys = {name: settings[f"PAYLINK_DEMO_{name.upper()}_KEY"] for name in ("merchant", "operator")}
        self.api = running.api

    def send(
        self, method: str, path: str, body: Any = None, *, key: str | None = "merchant", once: str = "", **headers: str
    ) -> dict[str, Any]:
        """`once` is an Idempotency-Key; a body that is no object goes as it is."""
        if key:
            headers["authorization"] = f"Bearer {self.keys.get(key, key)}"
        if once:
            headers["idempotency-key"] = once
        data = json.dumps(body) if isinstance(body, dict) else body
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        return dict(http.request(method, self.api + path, body=data, headers=sent).json())

    def create(self, path: str, key: str = "merchant", **body: object) -> dict[str, Any]:
        return self.send("POST", path, body, key=key, once=uuid.uuid4().hex)

    def paid(self, button: str = "pay", **more: object) -> str:
        made = self.create("/v1/checkout", **{**ORDER, **more})
        for name in button.split():
            http.request("POST", f"{made['checkout_url']}/{name}", redirect=False)
        stop_at = time.monotonic() + 60
        while self.send("GET", f"/v1/tx/{made['id']}")["state"] != "paid":
            assert time.monotonic() < stop_at
            time.sleep(0.1)
        return str(made["id"])

    def merchant(self) -> str:
        return str(self.create("/v1/merchants", "operator", name=f"Warung {uuid.uuid4().hex[:8]}")["id"])


def reused(client: Client) -> dict[str, Any]:
    once = uuid.uuid4().hex
    client.send("POST", "/v1/checkout", ORDER, once=once)
    return client.send("POST", "/v1/checkout", ORDER | {"amount": 151_000}, once=once)


def too_large(client: Client) -> dict[str, Any]:
    refunds = f"/v1/tx/{client.paid()}/refunds"
    client.create(refunds, amount=50_000)
    stop_at = time.monotonic() + 60
    while "under way" in (answer := client.create(refunds, amount=120_000))["detail"]:
        assert time.monotonic() < stop_at
        time.sleep(0.1)
    return answer


def taken(client: Client) -> dict[str, Any]:
    name = f"Warung {uuid.uuid4().hex[:8]}"
    client.create("/v1/merchants", "operator", name=name)
    return client.create("/v1/merchants", "operator", name=name)


def ended(client: Client) -> dict[str, Any]:
    key = client.create("/v1/keys", "operator", merchant_id=client.merchant(), name="shop", scopes=["tx:read"])["id"]
    client.send("POST", f"/v1/keys/{key}/revoke", key="operator")
    return client.create(f"/v1/keys/{key}/rotate", "operator")


def lacking(client: Client) -> dict[str, Any]:
    account = {"merchant_id": client.merchant(), "provider": "stripe", "name": f"w{uuid.uuid4().hex[:8]}"}
    made = client.create("/v1/accounts", "operator", **account)
    return client.send("PATCH", f"/v1/accounts/{made['id']}", {"disabled": False}, key="operator")


def changed(client: Client) -> dict[str, Any]:
    routing = f"/v1/merchants/{client.merchant()}/routing"
    for version in (0, 1):
        client.send("PUT", routing, {"version": version, "rules": []}, key="operator")
    return client.send("PUT", routing, {"version": 1, "rules": []}, key="operator")


def unscoped(client: Client) -> dict[str, Any]:
    key = client.create("/v1/keys", "operator", merchant_id=client.merchant(), name="shop", scopes=["tx:read"])["key"]
    return client.send("POST", "/v1/checkout", ORDER, key=key, once="order-1001")


def suspended(client: Client) -> dict[str, Any]:
    merchant = client.merchant()
    key = client.create("/v1/keys", "operator", merchant_id=merchant, name="shop", scopes=["tx:read"])["key"]
    client.send("PATCH", f"/v1/merchants/{merchant}", {"suspended": True}, key="operator")
    return client.send("GET", "/v1/tx", key=key)


PROVOKED: dict[str, Callable[[Client], dict[str, Any]]] = {
    "malformed-request": lambda c: c.send("POST", "/v1/checkout", "{x", once="k"),
    "idempotency-key-missing": lambda c: c.send("POST", "/v1/checkout", ORDER),
    "unauthenticated": lambda c: c.send("GET", "/v1/tx", key="plm_000000000000_" + "0" * 40),
    "signature-refused": lambda c: c.send("POST", "/v1/webhook/stripe", {}, key=None),
    "forbidden": unscoped,
    "merchant-suspended": suspended,
    "not-found": lambda c: c.send("GET", "/v1/tx/01a20424-87af-733b-acc9-7648afd371ce"),
    "method-not-allowed": lambda c: c.send("GET", "/v1/checkout"),
    "routing-changed": changed,
    "wrong-state": lambda c: c.create(f"/v1/tx/{c.create('/v1/checkout', **ORDER)['id']}/refunds"),
    "name-taken": taken,
    "key-ended": ended,
    "credentials-missing": lacking,
    "payload-too-large": lambda c: c.send("POST", "/v1/checkout", "x" * 70_000, once="k"),
    "unsupported-media-type": lambda c: c.send("POST", "/v1/checkout", "a=b", once="k", content_type="text/plain"),
    "refund-too-large": too_large,
    "not-supported": lambda c: c.create(f"/v1/tx/{c.paid('choose-bca_va pay-chosen', provider='midtrans')}/refunds"),
    "invalid-fields": lambda c: c.create("/v1/checkout", **{**ORDER, "amount": 0}, colour="blue"),
    "idempotency-key-reused": reused,
    "provider-refused": lambda c: c.create("/v1/checkout", **{**ORDER, "amount": 100}),
    "headers-too-large": lambda c: c.send("GET", "/v1/tx", x_large="x" * 40_000),
}


@pytest.mark.parametrize("slug", PROVOKED)
def test_the_page_shows_the_answer(running: RunningStack, slug: str):
    (shown,) = blocks(SECTIONS[slug], "json")
    assert alike(PROVOKED[slug](Client(running))) == alike(json.loads(shown))
