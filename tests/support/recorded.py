"""
Recorded cases: what a provider sends, and what its adapter must make of it.

Each `providers/<slug>/cases/*.json` is one case: a `webhook`, or a `call` with the exchanges that it has with the API.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit
from uuid import UUID

from paylink.core.money import Money
from paylink.core.secret import Secret
from paylink.providers.payments import (
    Item,
    Payment,
    PaymentQuery,
    PaymentRequest,
    ProviderEvent,
    Reference,
    Refund,
    RefundRequest,
)
from paylink.providers.port import Account, Credential, PaymentMethod, Provider
from paylink.providers.registry import settlement_api, settlement_file
from paylink.providers.settlements import SettlementLine
from support.serving import QuietHandler

ACCOUNT = UUID("00000000-0000-7000-8000-00000000000a")


@dataclass(frozen=True)
class RecordedCase:
    """`name` is `<slug>/<file>`; `told` is the file's content."""

    slug: str
    name: str
    told: dict[str, Any]

    @property
    def account(self) -> Account:
        """An account with the case's credentials: a value or a list of live ones per field, the newest first."""
        credentials: list[Credential] = []
        for field_name, values in self.told["credentials"].items():
            for value in values if isinstance(values, list) else [values]:
                credential_id = UUID(int=len(credentials))
                credentials.append(Credential(credential_id, field_name, Secret(value)))
        return Account(ACCOUNT, ACCOUNT, self.slug, "default", tuple(credentials))


def load_cases(providers: Path) -> list[RecordedCase]:
    files = sorted(providers.glob("*/cases/*.json"))
    return [RecordedCase(f.parts[-3], f"{f.parts[-3]}/{f.stem}", json.loads(f.read_text())) for f in files]


@dataclass
class Exchanges:
    """Plays the API's side of a case: each request must be the next one recorded."""

    expected: list[dict[str, Any]]
    wrong: list[str] = field(default_factory=list)

    def handler(self) -> type[BaseHTTPRequestHandler]:
        exchanges = self

        class Handler(QuietHandler):
            def answer(self) -> None:
                raw = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                status, body, headers = exchanges.play(self.command, self.path, dict(self.headers.items()), raw)
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_GET = do_POST = answer

        return Handler

    def play(self, method: str, path: str, headers: dict[str, str], raw: bytes) -> tuple[int, bytes, dict[str, str]]:
        if not self.expected:
            self.wrong.append(f"one request more: {method} {path}")
            return 500, b"", {}
        exchange = self.expected.pop(0)
        found: dict[str, Any] = {"method": method, "path": _comparable(path)}
        wanted: dict[str, Any] = {"method": exchange["method"], "path": _comparable(exchange["path"])}
        for name, value in exchange.get("headers", {}).items():
            wanted[name] = value
            found[name] = {n.lower(): v for n, v in headers.items()}.get(name)
        if "sent" in exchange:
            wanted["sent"], found["sent"] = exchange["sent"], _body(headers, raw)
        if found != wanted:
            self.wrong.append(f"{found}\nis not\n{wanted}")
        body = exchange["body"]
        answer = body if isinstance(body, str) else json.dumps(body)
        return exchange["status"], answer.encode(), exchange.get("answer_headers", {})


def _comparable(path: str) -> tuple[str, list[tuple[str, str]]]:
    """The query's order means nothing."""
    parts = urlsplit(path)
    return parts.path, sorted(parse_qsl(parts.query, keep_blank_values=True))


def _body(headers: dict[str, str], raw: bytes) -> object:
    """A form as a dict of its fields, JSON as what it says."""
    if "form-urlencoded" in {n.lower(): v for n, v in headers.items()}.get("content-type", ""):
        return {name: values[0] for name, values in parse_qs(raw.decode(), keep_blank_values=True).items()}
    return json.loads(raw)


def call(provider: Provider, case: RecordedCase) -> Payment | Refund | None:
    """Make the case's call. Raises what the adapter raises."""
    account, asked = case.account, case.told["ask"]
    match case.told["call"]:
        case "create_payment":
            return provider.create_payment(account, _request(asked))
        case "find_payment":
            return provider.find_payment(account, _request(asked))
        case "fetch_payment":
            return provider.fetch_payment(account, _query(asked))
        case "cancel_payment":
            return provider.cancel_payment(account, _query(asked))
        case "capture_payment":
            return provider.capture_payment(account, _query(asked), Money(*asked["capture"]))
        case "refund_payment":
            return provider.refund_payment(account, _refund_request(asked))
        case "find_refund":
            return provider.find_refund(account, _refund_request(asked))
        case other:
            raise AssertionError(f"{case.name}: no call {other!r}")


def list_or_read(case: RecordedCase, environ: Mapping[str, str]) -> dict[str, Any]:
    """Return the settlement lines of the case's call or file as cases write them. Raises what the adapter raises."""
    asked = case.told["ask"]
    if case.told["call"] == "read_lines":
        reader = settlement_file(case.slug, environ)
        assert reader is not None, f"{case.name}: no file is read"
        text = (f"{line}\r\n" for line in asked["file"])
        return {"lines": [told_line(line) for line in reader.read_lines(case.account, text)]}
    api = settlement_api(case.slug, environ)
    assert api is not None, f"{case.name}: no lines are listed"
    since, until = (datetime.fromisoformat(asked[name]) for name in ("since", "until"))
    page = api.list_lines(case.account, since, until, asked.get("after"))
    return _saying_something({"lines": [told_line(line) for line in page.lines], "next": page.next})


def told_line(line: SettlementLine) -> dict[str, Any]:
    """A settlement line as cases write it; what says nothing is left out."""
    return _saying_something(
        {
            "line_id": line.line_id,
            "kind": line.kind.value,
            "references": [[r.kind, r.value] for r in line.references],
            "amount": [line.amount, line.currency],
            "fee": line.fee,
            "net": line.net,
            "paid": None if line.paid_amount is None else [line.paid_amount, line.paid_currency],
            "occurred_at": line.occurred_at.isoformat(),
            "announced": not line.settled,
            "payout": line.payout,
        }
    )


def _request(asked: dict[str, Any]) -> PaymentRequest:
    ids = {"attempt_id": UUID(asked["attempt_id"]), "transaction_id": UUID(asked["transaction_id"])}
    times = {name: datetime.fromisoformat(asked[name]) for name in ("created_at", "expires_at")}
    lines = {
        "items": tuple(Item(**item) for item in asked.get("items", ())),
        "payment_methods": tuple(map(PaymentMethod, asked.get("payment_methods", ()))),
    }
    return PaymentRequest(**(asked | ids | times | lines | {"amount": Money(*asked["amount"])}))


def _query(asked: dict[str, Any]) -> PaymentQuery:
    times = {name: datetime.fromisoformat(asked[name]) for name in ("expires_at", "asked_at")}
    has_refunds = asked.get("has_refunds", False)
    return PaymentQuery(references=_references(asked), amount=Money(*asked["amount"]), has_refunds=has_refunds, **times)


def _refund_request(asked: dict[str, Any]) -> RefundRequest:
    return RefundRequest(
        UUID(asked["refund_id"]), _references(asked), Money(*asked["amount"]), reason=asked.get("reason")
    )


def _references(asked: dict[str, Any]) -> tuple[Reference, ...]:
    return tuple(Reference(kind, value) for kind, value in asked["references"])


def told_event(event: ProviderEvent) -> dict[str, Any]:
    """An event as cases write it; what says nothing is left out."""
    evidence = event.evidence
    return _saying_something(
        {
            "event_type": event.event_type,
            "references": [[r.kind, r.value] for r in event.references],
            "state": evidence and evidence.state.value,
            "captured": evidence and evidence.captured,
            "refunded": evidence and evidence.refunded,
            "dispute": evidence and evidence.dispute and evidence.dispute.value,
            "amount": event.amount and [event.amount.amount, event.amount.currency],
            "provider_status": event.provider_status,
            "confirm": event.confirm,
            "ignored": event.ignored,
            "foreign": event.foreign,
        }
    )


def told_result(result: Payment | Refund | None) -> dict[str, Any] | None:
    """A payment or refund as cases write it; what says nothing is left out."""
    if result is None:
        return None
    amount = [result.amount.amount, result.amount.currency]
    if isinstance(result, Refund):
        told_refund = {"reference": result.reference, "state": result.state.value, "amount": amount}
        return told_refund | ({"failure": result.failure} if result.failure else {})
    evidence = result.evidence
    told = {
        "references": [[r.kind, r.value] for r in result.references],
        "state": evidence.state.value,
        "captured": evidence.captured,
        "refunded": evidence.refunded,
        "dispute": evidence.dispute and evidence.dispute.value,
        "no_dispute": evidence.no_dispute,
        "amount": amount,
        "provider_status": result.provider_status,
        "checkout_url": result.checkout_url,
        "expires_at": result.expires_at and result.expires_at.isoformat(),
        "unseen": not result.seen,
        "refunds": [
            [str(refund.refund_id), refund.state.value, refund.amount.amount, refund.counted]
            for refund in result.refunds or ()
        ],
    }
    return _saying_something(told)


def _saying_something(told: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in told.items() if value is not None and value is not False and value != []}
