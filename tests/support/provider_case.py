"""A provider's adapter beside its sandbox, driven through the protocol and the sandbox's control API alone."""

import contextlib
import html
import json
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import urllib3

from paylink.core.money import Money
from paylink.core.secret import Secret
from paylink.providers.payments import Payment, PaymentQuery, PaymentRequest
from paylink.providers.port import Account, Credential, Provider, Signature
from paylink.providers.registry import enabled_providers, enabled_signatures
from paylink_local.instance import load_environment
from paylink_sandbox.testing import running_sandbox
from support.serving import QuietHandler, serving


@dataclass
class Case:
    """A provider, an account at its sandbox, and the webhooks that the sandbox sent."""

    provider: Provider
    account: Account
    sandbox: str
    environ: Mapping[str, str]
    webhooks: list[tuple[bytes, dict[str, str]]] = field(default_factory=list)

    @property
    def signature(self) -> Signature:
        return enabled_signatures([self.provider.slug])[self.provider.slug]

    def at(self, address: str) -> Provider:
        """Return the same provider's adapter, set to call another address."""
        slug = self.provider.slug
        settings = {"PAYLINK_ENVIRONMENT": "test", f"PAYLINK_{slug.upper()}_API_BASE": address}
        return enabled_providers([slug], settings)[slug]

    def request(self, **changes: Any) -> PaymentRequest:
        now = datetime.now(UTC).replace(microsecond=0)
        values: dict[str, Any] = {
            "attempt_id": uuid.uuid4(),
            "transaction_id": uuid.uuid4(),
            "amount": Money(150_000, "IDR"),
            "order_reference": "order-1001",
            "created_at": now,
            "expires_at": now + timedelta(seconds=self.provider.capabilities.expiry_default_s),
            "success_url": "https://example.com/thanks",
        }
        return PaymentRequest(**(values | changes))

    def call(self, method: str, path: str, body: Any = None) -> Any:
        answer = urllib3.request(method, self.sandbox + path, body=None if body is None else json.dumps(body))
        assert answer.status == 200, (path, answer.status, answer.data[:300])
        return answer.json()

    def page_shown(self, checkout_url: str | None) -> str:
        """Return what a payer's browser gets."""
        assert checkout_url is not None
        answer = urllib3.request("GET", checkout_url)
        assert answer.status == 200, (checkout_url, answer.status)
        return html.unescape(answer.data.decode())

    def act(self, checkout_url: str | None, action: str) -> None:
        pages = self.call("GET", "/_sandbox/ledger")["pages"]
        page = next(p["id"] for p in pages if p["url"] == checkout_url)
        self.call("POST", f"/_sandbox/{self.provider.slug}/pages/{page}/{action}")

    def act_on_charge(self, action: str, **body: Any) -> None:
        charge = self.call("GET", "/_sandbox/ledger")["charges"][0]["id"]
        self.call("POST", f"/_sandbox/{self.provider.slug}/charges/{charge}/{action}", body)

    def fault(self, kind: str, **parameters: Any) -> None:
        self.call("PUT", "/_sandbox/faults", {"kind": kind, "count": 1, **parameters})

    def pages(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.call("GET", "/_sandbox/ledger")["pages"]
        return found

    def offers(self, action: str) -> bool:
        """Whether the simulator lets an operator do this to a charge: not every provider tells everything."""
        return action in self.call("GET", "/_sandbox/actions")[self.provider.slug]["charges"]

    def query(self, payment: Payment, *, later: timedelta = timedelta()) -> PaymentQuery:
        """Return what the services ask of a payment, at some time from now."""
        kinds = self.provider.capabilities.lookup_kinds
        references = tuple(r for r in payment.references if r.kind in kinds)
        now = datetime.now(UTC)
        return PaymentQuery(references, payment.amount, payment.expires_at or now, now + later)

    def fetch(self, payment: Payment, *, later: timedelta = timedelta(), has_refunds: bool = False) -> Payment:
        query = replace(self.query(payment, later=later), has_refunds=has_refunds)
        return self.provider.fetch_payment(self.account, query)

    def cancel(self, payment: Payment) -> Payment:
        """Cancel by everything that the payment is known under."""
        query = replace(self.query(payment), references=payment.references)
        return self.provider.cancel_payment(self.account, query)

    def await_webhooks(self, *, more_than: int = 0) -> list[tuple[bytes, dict[str, str]]]:
        """Return all webhooks in order of arrival, once none is under way and there are more than so many."""
        for _ in range(400):
            deliveries = self.call("GET", "/_sandbox/deliveries")["deliveries"]
            if len(deliveries) > more_than and all(d["state"] != "pending" for d in deliveries):
                return self.webhooks
            time.sleep(0.025)
        raise AssertionError("no webhooks came")


@contextlib.contextmanager
def running_case(slug: str, folder: Path, *, clock: Callable[[], float] = time.time) -> Iterator[Case]:
    """Run a sandbox of one provider, with its state in `folder`, and give the adapter beside it."""
    webhooks: list[tuple[bytes, dict[str, str]]] = []
    with contextlib.ExitStack() as cleanup:
        listener = cleanup.enter_context(webhook_catcher(webhooks))
        settings = {"PAYLINK_PROVIDERS": slug, "PAYLINK_ENVIRONMENT": "test", "PAYLINK_HOME": str(folder)}
        environ = load_environment(folder, settings | {"PAYLINK_PUBLIC_URL": listener})
        sandbox = cleanup.enter_context(running_sandbox(environ | {"PAYLINK_SANDBOX_TIME_SCALE": "36000"}, clock=clock))
        environ[f"PAYLINK_{slug.upper()}_API_BASE"] = f"{sandbox}/{slug}"
        provider = enabled_providers([slug], environ)[slug]
        credentials = tuple(
            Credential(uuid.uuid4(), f.name, Secret(environ[f.environment])) for f in provider.credential_fields
        )
        account = Account(uuid.uuid4(), uuid.uuid4(), slug, "default", credentials)
        yield Case(provider, account, sandbox, environ, webhooks)


@contextlib.contextmanager
def webhook_catcher(webhooks: list[tuple[bytes, dict[str, str]]]) -> Iterator[str]:
    """Answer 200 to every webhook and keep it; gives the address."""

    class Handler(QuietHandler):
        def do_POST(self) -> None:
            raw = self.rfile.read(int(self.headers["Content-Length"]))
            webhooks.append((raw, {k.lower(): v for k, v in self.headers.items()}))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

    with serving(Handler) as address:
        yield address


@contextlib.contextmanager
def answering(body: bytes, *, status: int = 200, pause_s: float = 0) -> Iterator[str]:
    """Answer every request with one body, one byte per `pause_s` if that is set; gives the address."""

    class Handler(QuietHandler):
        def answer(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            with contextlib.suppress(OSError):
                for start in range(0, len(body), 1 if pause_s else len(body)):
                    time.sleep(pause_s)
                    self.wfile.write(body[start : start + 1] if pause_s else body)

        do_GET = do_POST = answer

    with serving(Handler) as address:
        yield address
