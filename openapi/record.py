"""Records the examples: sends the requests of a shop and an operator to the running stack, keeps what it answers."""

import json
import os
import re
import time
import uuid
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import urllib3

from openapi.examples import Example
from openapi.operations import OPERATIONS
from paylink.providers.registry import enabled_providers, provider_slugs
from paylink_local.demo_client import DemoClient
from paylink_local.services.running import running_environment
from paylink_local.supervisor.home import Home

_WAIT_S = 20
_KEY = re.compile(r"(pl[mo]_[a-z0-9]{12})_[A-Za-z0-9]{32,64}")
_NO_NAMES: Mapping[str, str] = MappingProxyType({})
_BY_NAME = {operation.name: operation for operation in OPERATIONS}


class Recorder:
    """Sends requests and keeps them with their answers, addresses as on a default port and keys cut short."""

    def __init__(self) -> None:
        settings = running_environment(Home.of(os.environ), os.environ)
        self._api = settings["PAYLINK_PUBLIC_URL"]
        self._sandbox = f"http://localhost:{settings['PAYLINK_SANDBOX_PORT']}"
        self._keys = {
            "merchant": settings["PAYLINK_DEMO_MERCHANT_KEY"],
            "operator": settings["PAYLINK_DEMO_OPERATOR_KEY"],
        }
        self._keys["either"] = self._keys["merchant"]
        self._pool = urllib3.PoolManager(retries=False, timeout=30)
        self.payer = DemoClient(self._api, self._sandbox, self._keys["merchant"])
        self.examples: list[Example] = []

    def send(self, operation: str, summary: str, body: Any = None, query: str = "", **path: str) -> Any:
        """Send a request of an operation, keep it and return its answer."""
        status, told = self.call(operation, body, query, path)
        number = sum(example.operation == operation for example in self.examples)
        name = f"{operation}_{number + 1}"
        self.examples.append(Example(operation, name, summary, body, status, json.loads(self._shown(json.dumps(told)))))
        return told

    def wait(self, operation: str, done: Callable[[Any], bool], query: str = "", **path: str) -> Any:
        """Ask until an answer is as wanted; nothing is kept."""
        stop_at = time.monotonic() + _WAIT_S
        while time.monotonic() < stop_at:
            told = self.call(operation, None, query, path)[1]
            if done(told):
                return told
            time.sleep(0.2)
        raise TimeoutError(f"{operation} did not come to what was waited for")

    def call(self, operation: str, body: Any, query: str = "", path: Mapping[str, str] = _NO_NAMES) -> tuple[int, Any]:
        """Send a request and return its status and answer; nothing is kept."""
        called = _BY_NAME[operation]
        headers = {"Idempotency-Key": uuid.uuid4().hex}
        if called.caller in self._keys:
            headers["Authorization"] = f"Bearer {self._keys[called.caller]}"
        url = self._api + called.path.format(**path) + query
        content = None if body is None else json.dumps(body)
        answer = self._pool.request(called.method, url, headers=headers, body=content)
        if answer.status not in {known.status for known in called.answers}:
            raise RuntimeError(f"{operation} was answered {answer.status}: {answer.data[:300]!r}")
        return answer.status, json.loads(answer.data)

    def _shown(self, text: str) -> str:
        text = text.replace(self._api, "http://localhost:8080").replace(self._sandbox, "http://localhost:8081")
        return _KEY.sub(r"\1_...", text)


def record() -> list[Example]:
    """
    Return the examples, from the stack that `./scripts/up` started.

    Raises:
        RuntimeError, TimeoutError, DemoFailed: It does not answer as it must.
    """
    recorder = Recorder()
    _as_a_shop(recorder)
    _as_an_operator(recorder)
    return recorder.examples


def _order(**more: Any) -> dict[str, Any]:
    providers = enabled_providers(provider_slugs(), os.environ)
    slug = next(slug for slug, provider in providers.items() if provider.capabilities.partial_capture)
    return {
        "provider": slug,
        "amount": 150_000,
        "currency": "IDR",
        "order_reference": f"order-{uuid.uuid4().hex[:8]}",
        "success_url": "https://example.com/thanks",
        **more,
    }


def _pay(recorder: Recorder, checkout: Any, state: str) -> None:
    page = recorder.payer.page_of(checkout["checkout_url"])
    recorder.payer.pay(page["provider"], page["id"])
    recorder.wait("get_transaction", lambda told: told["state"] == state, transaction_id=checkout["id"])


def _as_a_shop(recorder: Recorder) -> None:
    recorder.send("get_health", "All is well")
    recorder.send("get_liveness", "A process answers")
    recorder.send("get_readiness", "All that it depends on answers")
    items = [{"name": "Kopi susu", "quantity": 2, "unit_amount": 75_000}]
    customer = {"name": "Siti Rahayu", "email": "siti@example.com", "phone": "+628123456789"}
    more = {"description": "Two coffees", "customer": customer, "items": items, "metadata": {"table": "7"}}
    paid = recorder.send("create_checkout", "An order with its lines", _order(**more))
    _pay(recorder, paid, "paid")
    own = {"transaction_id": paid["id"]}
    events = f"?transaction_id={paid['id']}"
    recorder.wait("list_events", lambda told: len(told["events"]) > 1, events)
    recorder.send("list_transactions", "By the order's name", query=f"?order_reference={paid['order_reference']}")
    refund = recorder.send("refund_transaction", "A part", {"amount": 75_000, "reason": "one too many"}, **own)
    recorder.send("list_refunds", "One refund", **own)
    recorder.send("get_refund", "With its history", refund_id=refund["id"], **own)
    recorder.send("get_transaction", "Paid, and partly given back", **own)
    listed = recorder.send("list_events", "Of one transaction", query=f"{events}&limit=2")
    recorder.send("get_event", "As its merchant sees it", id=listed["events"][0]["id"])
    recorder.send("replay_event", "Once more", id=listed["events"][0]["id"])
    held = recorder.send("create_checkout", "The money is held first", _order(capture="manual"))
    _pay(recorder, held, "authorized")
    recorder.send("capture_transaction", "A part; the rest is released", {"amount": 100_000}, transaction_id=held["id"])
    unpaid = recorder.send("create_checkout", "Any provider", _order(provider="auto"))
    recorder.send("cancel_transaction", "Nobody can pay it any more", transaction_id=unpaid["id"])
    run = recorder.send("start_reconciliation", "What may have changed unheard")
    ended = {"id": run["id"]}
    recorder.wait("get_reconciliation", lambda told: told["state"] != "running", **ended)
    recorder.send("get_reconciliation", "Its report", **ended)
    recorder.send("list_reconciliations", "The newest", query="?limit=1")
    _differ(recorder)
    recorder.send("list_dead_letters", "Nothing was given up")
    recorder.send("redrive_dead_letters", "A page of them", {"limit": 50})
    recorder.send("list_credentials", "Which secrets verify webhooks")


def _differ(recorder: Recorder) -> None:
    """A page is paid with another amount than was asked for: nobody applies that, and a person accepts it."""
    provider = recorder.payer.pays_other_amounts()
    made = recorder.call("create_checkout", _order(provider=provider))[1]
    recorder.payer.pay(provider, recorder.payer.page_of(made["checkout_url"])["id"], "pay-other-amount")
    own = {"transaction_id": made["id"]}
    recorder.wait("get_transaction", lambda told: told["events"] and told["events"][0]["state"] == "parked", **own)
    run = recorder.call("start_reconciliation", {"sample": 0, "settlements": False})[1]
    recorder.wait("get_reconciliation", lambda told: told["state"] != "running", id=run["id"])
    query = f"?state=open&transaction_id={made['id']}"
    [found] = recorder.send("list_discrepancies", "What is open of one transaction", query=query)["discrepancies"]
    recorder.send("get_discrepancy", "With both sides and its history", id=found["id"])
    note = {"note": "the rest was given back by hand, ticket 4711"}
    recorder.send("resolve_discrepancy", "Nothing is left to do", note, id=found["id"])


def _as_an_operator(recorder: Recorder) -> None:
    suffix = uuid.uuid4().hex[:6]
    merchant = recorder.send("create_merchant", "A new one", {"name": f"Warung Kopi {suffix}"})
    own = {"id": merchant["id"]}
    recorder.send("get_merchant", "An active one", **own)
    recorder.send("change_merchant", "Another name", {"name": f"Warung Teh {suffix}"}, **own)
    recorder.send("list_merchants", "The newest", query="?limit=1")
    scopes = ["checkout:write", "tx:read"]
    key = recorder.send("create_key", "For a shop", {"merchant_id": own["id"], "name": "shop", "scopes": scopes})
    recorder.send("get_key", "A live one", id=key["id"])
    recorder.send("rotate_key", "The old one lives for two days more", {"overlap_hours": 48}, id=key["id"])
    recorder.send("revoke_key", "It was lost", id=key["id"])
    recorder.send("list_keys", "Of one merchant", query=f"?merchant_id={own['id']}")
    slug = _order()["provider"]
    wanted = {"merchant_id": own["id"], "provider": slug, "name": f"warung-kopi-{suffix}"}
    account = recorder.send("create_account", "Its credentials come later", wanted)
    recorder.send("get_account", "Disabled, as credentials are missing", id=account["id"])
    for field in account["missing"]:
        value = {"value": f"example-{suffix}-{field}"}
        recorder.send("set_credential", f"Its {field}", value, id=account["id"], field=field)
    recorder.send("change_account", "New checkouts may use it", {"disabled": False}, id=account["id"])
    recorder.send("list_accounts", "Of one merchant", query=f"?merchant_id={own['id']}")
    target = {"provider": slug, "account": wanted["name"], "weight": 1}
    rules = [{"currency": "IDR", "amount_max": 500_000, "accounts": [target]}]
    recorder.send("replace_routing", "Small orders in rupiah", {"rules": rules, "version": 0}, **own)
    recorder.send("get_routing", "One rule", **own)
    recorder.send("list_audit", "Of one merchant", query=f"?merchant_id={own['id']}&limit=3")
