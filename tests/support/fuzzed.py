"""The running stack that is fuzzed, as the fuzzer's hooks use it."""

import hashlib
import json
import time
import uuid
from collections import Counter
from collections.abc import Sequence
from functools import cached_property
from itertools import count
from pathlib import Path
from typing import Any

import urllib3

from paylink_local.demo_client import DemoClient
from support.signing import sign

_PATIENCE_S = 60
_DEAD = "charge.succeeded"
"""An event of this type without a charge is given up at once: there must be dead letters to look at."""


class Fuzzed:
    """
    settings: `api`, `sandbox`, `operator_key`, `merchant_key`, `tally` (the file of what was answered), and `secrets`,
    which sign the demo account's webhooks by their variables.
    """

    def __init__(self, settings: dict[str, Any]) -> None:
        self._settings = settings
        self._pool = urllib3.PoolManager(retries=False, timeout=30)
        self._answered: Counter[str] = Counter()
        self._transactions: list[str] = []
        self._held: list[str] = []
        self._refunds: list[dict[str, Any]] = []
        self._turns = count()
        self._kept = {
            one["id"] for name in ("merchants", "keys", "accounts") for one in self._read(f"/v1/{name}")[name]
        }
        self.merchant_id = str(self._make("/v1/merchants", name=f"Fuzz {uuid.uuid4().hex}")["id"])
        self.account_name = f"fuzz-{uuid.uuid4().hex}"
        account = {"merchant_id": self.merchant_id, "provider": "stripe", "name": self.account_name}
        self._kept |= {self.merchant_id, self._make("/v1/accounts", **account)["id"]}

    def spare_what_the_run_stands_on(self, case: Any) -> None:
        """No request may suspend the merchant, end the keys or change the accounts that the others need."""
        routes_own_merchant = case.path.endswith("/routing") and case.path_parameters.get("id") == self.merchant_id
        if case.method == "GET" or routes_own_merchant:
            return
        for name, value in (case.path_parameters or {}).items():
            if str(value) in self._kept:
                case.path_parameters[name] = str(uuid.uuid4())
        if isinstance(case.body, dict) and str(case.body.get("merchant_id")) in self._kept:
            case.body["merchant_id"] = self.merchant_id

    def keep_transaction(self, transaction: dict[str, Any], *, held: bool) -> None:
        """
        Remember what a checkout made, and pay three of four, and all whose money is only held: the page of one that
        ended already stays as it is.
        """
        self._transactions.append(transaction["id"])
        if held:
            self._held.append(transaction["id"])
        if held or len(self._transactions) % 4:
            ledger = json.loads(self._pool.request("GET", f"{self._settings['sandbox']}/_sandbox/ledger").data)
            pages = [page for page in ledger["pages"] if page["url"] == transaction["checkout_url"]]
            for page in pages:
                path = f"/_sandbox/{page['provider']}/pages/{page['id']}/pay"
                self._pool.request("POST", self._settings["sandbox"] + path, body=b"{}")

    def keep_refund(self, refund: dict[str, Any]) -> None:
        self._refunds.append(refund)

    def name_what_there_is(self, operation: str, path: dict[str, Any]) -> None:
        """Put ids of what was made before, or by the webhooks, in the place of ids that name nothing."""
        if "refund_id" in path and self._refunds:
            refund = self._turn_of(self._refunds)
            path |= {"refund_id": refund["id"], "transaction_id": refund["transaction_id"]}
        elif operation == "capture_transaction" and self._held:
            path["transaction_id"] = self._held.pop()
        elif "transaction_id" in path and self._transactions:
            path["transaction_id"] = self._turn_of(self._transactions)
        elif operation in ("get_dead_letter", "redrive_dead_letter"):
            path["id"] = next((one["id"] for one in self._read("/v1/dead-letters")["events"]), path["id"])
        elif operation in ("get_discrepancy", "resolve_discrepancy"):
            path["id"] = self._discrepancy

    @cached_property
    def _discrepancy(self) -> str:
        """One that is open at first: a page was paid with another amount than was asked for."""
        actions = json.loads(self._pool.request("GET", f"{self._settings['sandbox']}/_sandbox/actions").data)
        provider = next(slug for slug, known in actions.items() if "pay-other-amount" in known["pages"])
        client = DemoClient(self._settings["api"], self._settings["sandbox"], self._settings["merchant_key"])
        transaction = client.create_checkout(provider, 150_000, "IDR", uuid.uuid4().hex)
        client.pay(provider, client.page_of(transaction["checkout_url"])["id"], "pay-other-amount")
        stop_at = time.monotonic() + _PATIENCE_S
        while time.monotonic() < stop_at:
            # Others may be under way, and this one's webhook, too.
            self._pool.request(
                "POST",
                f"{self._settings['api']}/v1/reconcile",
                headers={"Authorization": f"Bearer {self._settings['merchant_key']}"},
                body=json.dumps({"provider": provider, "sample": 0, "settlements": False}),
            )
            time.sleep(0.5)
            found = self._read("/v1/discrepancies", f"&transaction_id={transaction['id']}")["discrepancies"]
            if found:
                return str(found[0]["id"])
        raise TimeoutError("no run found what was paid with another amount")

    def _turn_of(self, known: Sequence[Any]) -> Any:
        """The newest ones, in turn."""
        newest = known[-20:]
        return newest[next(self._turns) % len(newest)]

    def webhook(self, provider: str) -> tuple[bytes, dict[str, str]]:
        """Return a webhook of the demo account, rightly signed."""
        name = uuid.uuid4().hex
        if provider == "stripe":
            raw = json.dumps({"id": f"evt_{name}", "type": _DEAD, "data": {"object": {}}}).encode()
            return raw, {"Stripe-Signature": sign(self._settings["secrets"]["PAYLINK_STRIPE_WEBHOOK_SECRET"], raw)}
        if provider == "xendit":
            raw = json.dumps({"id": name, "status": "PAID", "external_id": name}).encode()
            return raw, {"x-callback-token": self._settings["secrets"]["PAYLINK_XENDIT_CALLBACK_TOKEN"]}
        signed = {"order_id": name, "status_code": "200", "gross_amount": "10000.00"}
        key = self._settings["secrets"]["PAYLINK_MIDTRANS_SERVER_KEY"]
        signature = hashlib.sha512(("".join(signed.values()) + key).encode()).hexdigest()
        more = {"transaction_id": name, "transaction_status": "settlement", "signature_key": signature}
        return json.dumps(signed | more).encode(), {}

    def count(self, operation: str, status: int) -> None:
        self._answered[f"{operation} {status}"] += 1
        Path(self._settings["tally"]).write_text(json.dumps(self._answered))

    def _read(self, path: str, more: str = "") -> Any:
        return self._call("GET", f"{path}?limit=200{more}", {})

    def _make(self, path: str, **body: str) -> Any:
        return self._call("POST", path, {"Idempotency-Key": uuid.uuid4().hex}, body)

    def _call(self, method: str, path: str, headers: dict[str, str], body: dict[str, str] | None = None) -> Any:
        headers = headers | {"Authorization": f"Bearer {self._settings['operator_key']}"}
        content = None if body is None else json.dumps(body)
        answer = self._pool.request(method, self._settings["api"] + path, headers=headers, body=content)
        assert answer.status in (200, 201), (path, answer.status, answer.data[:300])
        return json.loads(answer.data)
