"""
Every route of template.yaml: which keys it lets in, and that no merchant learns or changes anything of another.

A new route fails here until it is told what a request to it looks like, and which names in it are a merchant's own.
"""

import json
import re
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from paylink.core.api_key import MERCHANT_SCOPES, OPERATOR_SCOPES
from paylink.core.discrepancies import Finding, Kind
from paylink.core.errors import Unauthenticated
from paylink.runtime.wiring import Deps
from paylink.services.operator import COMMAND
from paylink.store.discrepancies import record_findings
from paylink_local.template import find_template, load_template
from support.signing import intent_event, sign
from support.stack import ORDER, REPOSITORY, Answer, Stack
from support.tenants import Tenant, ask, key_row, make_key, make_tenant

TEMPLATE = load_template(find_template({}), {})
ROUTES = [f"{route.method} {route.path}" for route, _ in TEMPLATE.routes() if route.method != "OPTIONS"]
"""A preflight has no key, reads nothing of what it names, and is answered alike for all: see edge/."""
UNKNOWN = "01a204c2-0e66-7171-9112-384448eabd50"

BODIES: Mapping[str, Any] = {
    "POST /v1/checkout": ORDER,
    "POST /v1/tx/{transaction_id}/refunds": {"amount": 1000},
    "POST /v1/tx/{transaction_id}/cancel": {},
    "POST /v1/tx/{transaction_id}/capture": {},
    "POST /v1/reconcile": {},
    "POST /v1/discrepancies/{id}/resolve": {"note": "seen"},
    "POST /v1/webhook/{provider}": {},
    "POST /v1/webhook/{provider}/{account}": {},
    "POST /v1/events/{id}/replay": {},
    "POST /v1/dead-letters/{id}/redrive": {},
    "POST /v1/dead-letters/redrive": {},
    "POST /v1/merchants": {"name": "Another"},
    "PATCH /v1/merchants/{id}": {"name": "Renamed", "suspended": True},
    "PUT /v1/merchants/{id}/routing": {"rules": []},
    "POST /v1/keys": {"operator": True, "name": "x", "scopes": ["merchants:write"]},
    "POST /v1/keys/{id}/rotate": {},
    "POST /v1/keys/{id}/revoke": {},
    "POST /v1/accounts": {"merchant_id": UNKNOWN, "provider": "stripe", "name": "x"},
    "PATCH /v1/accounts/{id}": {"disabled": True},
    "PUT /v1/accounts/{id}/credentials/{field}": {"value": "whsec_x"},
}
"""What each route that takes a body is sent."""


@dataclass(frozen=True)
class Shop:
    """What the first merchant has, by the names that requests know it under."""

    transaction: str
    event: str
    dead_event: str
    merchant: str
    key: str
    account: str
    refund: str
    cursor: str
    open_transaction: str
    page: str
    """Where the open transaction is paid."""
    run: str
    discrepancy: str

    def names(self) -> dict[str, dict[str, tuple[str, str]]]:
        """Return, by the start of a path, the first merchant's value of each parameter and one that nobody has."""
        return {
            "/v1/tx/{transaction_id}": {"transaction_id": (self.transaction, UNKNOWN)},
            "/v1/tx/{transaction_id}/refunds/{refund_id}": {
                "transaction_id": (self.transaction, UNKNOWN),
                "refund_id": (self.refund, UNKNOWN),
            },
            "/v1/events/{id}": {"id": (self.event, UNKNOWN)},
            "/v1/dead-letters/{id}": {"id": (self.dead_event, UNKNOWN)},
            "/v1/merchants/{id}": {"id": (self.merchant, UNKNOWN)},
            "/v1/keys/{id}": {"id": (self.key, UNKNOWN)},
            "/v1/accounts/{id}": {"id": (self.account, UNKNOWN), "field": ("webhook_secret", "webhook_secret")},
            "/v1/reconcile/{id}": {"id": (self.run, UNKNOWN)},
            "/v1/discrepancies/{id}": {"id": (self.discrepancy, UNKNOWN)},
            "/v1/webhook/{provider}/{account}": {"provider": ("stripe", "stripe"), "account": ("default", "nobody")},
            "/v1/webhook/{provider}": {"provider": ("stripe", "stripe")},
        }

    def filters(self) -> dict[str, list[tuple[str, str]]]:
        """Return, for each list that merchants may ask, filters that name what is the first merchant's, or nobody's."""
        return {
            "GET /v1/tx": [
                ("order_reference=order-of-the-shop", "order_reference=nobodys"),
                ("metadata[till]=till-of-the-shop", "metadata[till]=nobodys"),
                ("amount=140001&currency=IDR", "amount=140002&currency=IDR"),
                (f"cursor={self.cursor}", "cursor=nobodys"),
            ],
            "GET /v1/events": [
                (f"transaction_id={self.transaction}", f"transaction_id={UNKNOWN}"),
                ("account=default", "account=nobody"),
                ("event_id=evt_shop", "event_id=evt_nobody"),
                ("state=dead", "state=parked"),
                (f"cursor={self.event}", f"cursor={UNKNOWN}"),
            ],
            "GET /v1/reconcile": [(f"cursor={self.run}", f"cursor={UNKNOWN}")],
            "GET /v1/discrepancies": [
                (f"transaction_id={self.transaction}", f"transaction_id={UNKNOWN}"),
                ("state=open&kind=missing_at_provider", "state=resolved&kind=duplicate"),
                (f"cursor={self.discrepancy}", f"cursor={UNKNOWN}"),
            ],
        }

    def secrets(self) -> list[str]:
        return [
            self.transaction,
            self.event,
            self.dead_event,
            self.merchant,
            self.key,
            self.account,
            self.refund,
            self.cursor,
            self.open_transaction,
            self.page,
            self.run,
            self.discrepancy,
            "order-of-the-shop",
            "till-of-the-shop",
            "evt_shop",
        ]


@pytest.fixture
def shop(stack: Stack) -> Shop:
    """
    The demo merchant has a paid transaction with an event, a refund and a discrepancy, an open one, and a dead event.
    """
    told = {"order_reference": "order-of-the-shop", "metadata": {"till": "till-of-the-shop"}, "amount": 140_001}
    transaction = stack.checkout("shared-key", **told).body
    stack.pay(transaction["checkout_url"])
    stack.settle()
    event = intent_event("succeeded", "evt_shop", stack.attempt_id())
    refund = stack.refund(transaction["id"], amount=1000)
    opened = stack.checkout().body
    row_ids = stack.deliver(event), stack.deliver({"id": "evt_dead"})
    stack.deps.processing.process(list(row_ids))
    run = stack.reconcile()["id"]
    return Shop(
        transaction=transaction["id"],
        event=str(row_ids[0]),
        dead_event=str(row_ids[1]),
        merchant=str(stack.rows("select id from merchants")[0]["id"]),
        key=str(stack.rows("select id from api_keys")[0]["id"]),
        account=str(stack.rows("select id from provider_accounts where provider = 'stripe'")[0]["id"]),
        refund=refund.body["id"],
        cursor=stack.merchant("GET", "/v1/tx?limit=1").body["next_cursor"],
        open_transaction=opened["id"],
        page=opened["checkout_url"],
        run=run,
        discrepancy=make_discrepancy(stack, transaction["id"], run),
    )


def make_discrepancy(stack: Stack, transaction_id: str, run_id: str) -> str:
    """As if the provider knew nothing of a paid transaction."""
    account = stack.deps.accounts.get(stack.rows("select id from provider_accounts where provider = 'stripe'")[0]["id"])
    subject = f"transaction:{transaction_id}"
    found = Finding(
        Kind.MISSING_AT_PROVIDER,
        subject,
        "paid/not found",
        "IDR",
        140_001,
        0,
        {},
        transaction_id=uuid.UUID(transaction_id),
    )
    stack.deps.database.run(lambda uow: record_findings(uow, account, uuid.UUID(run_id), [found]))
    return str(stack.rows("select id from discrepancies where subject = %s", subject)[0]["id"])


def parameters(shop: Shop, path: str) -> dict[str, tuple[str, str]]:
    if "{" not in path:
        return {}
    starts = [start for start in shop.names() if path.startswith(start)]
    assert starts, f"tell in Shop.names whose the names in {path} are"
    return shop.names()[max(starts, key=len)]


def body_of(route: str) -> Any:
    if route.startswith("GET "):
        return None
    assert route in BODIES, f"tell in BODIES what {route} is sent"
    return BODIES[route]


def filled(path: str, values: Mapping[str, str]) -> str:
    for name, value in values.items():
        path = path.replace(f"{{{name}}}", value)
    assert "{" not in path, f"tell in Shop.names of each parameter of {path}"
    return path


def requests(shop: Shop, route: str) -> Iterator[tuple[str, str]]:
    """Yield paths with queries: one that names what is the first merchant's, one that names nobody's."""
    path = route.split()[1]
    pairs = parameters(shop, path)
    theirs, nobodys = (filled(path, {name: pair[i] for name, pair in pairs.items()}) for i in (0, 1))
    yield theirs, nobodys
    if "transaction_id" in pairs and "refund_id" not in pairs:
        yield theirs.replace(shop.transaction, shop.open_transaction), nobodys
    for query, other in shop.filters().get(route, []):
        yield f"{path}?{query}", f"{path}?{other}"


def send(stack: Stack, tenant: Tenant, method: str, path: str, body: Any) -> Answer:
    """Ask as a merchant: with its key, and a webhook with its own account's signature."""
    if not path.startswith("/v1/webhook"):
        return ask(stack, tenant.key, method, path, body)
    raw = json.dumps({"id": "evt_x", "type": "a.b", "data": {"object": {}}}).encode()
    headers = {"Stripe-Signature": sign(tenant.webhook_secret, raw), "Authorization": f"Bearer {tenant.key}"}
    return stack.call(method, path, headers=headers, raw=raw)


def contents(stack: Stack) -> set[str]:
    """Return every row of every table, but for when keys were used and webhooks refused."""
    tables = stack.rows(
        "select c.oid::regclass::text as name from pg_class c join pg_namespace n on n.oid = c.relnamespace"
        " where n.nspname = 'public' and c.relkind = 'r'"
    )
    left_out = {"webhook_refusals"}
    found = set()
    for table in (row["name"] for row in tables if row["name"] not in left_out):
        for row in stack.rows(f"select to_jsonb(t) - 'last_used_at' as t from {table} t"):
            found.add(f"{table} {json.dumps(row['t'], sort_keys=True)}")
    return found


def told(answer: Answer) -> tuple[int, str, str]:
    return answer.status, json.dumps(answer.body, sort_keys=True), answer.headers.get("Content-Type", "")


def test_no_merchant_learns_or_changes_anything_of_another(stack: Stack, shop: Shop):
    """What names another's is answered, word for word, like what names nobody's."""
    other = make_tenant(stack, "Other")
    before = contents(stack)
    shown = 0
    for route in ROUTES:
        method, _ = route.split()
        for theirs, nobodys in requests(shop, route):
            answer = send(stack, other, method, theirs, body_of(route))
            if answer.status not in (401, 403) and "{" not in route and method == "GET" and route not in OPEN:
                assert route in shop.filters(), f"tell in Shop.filters how {route} could name another's"
            if theirs != nobodys:
                assert told(answer) == told(send(stack, other, method, nobodys, body_of(route))), (route, theirs)
            text = json.dumps(answer.body) + json.dumps(answer.headers)
            asked_for = [value for value in shop.secrets() if value in theirs]
            assert not [s for s in shop.secrets() if s in text and s not in asked_for], route
            if answer.status == 404 and method == "GET":
                shown += 1
                assert stack.merchant(method, theirs).status == 200, f"the owner is not shown {theirs} either"
    assert shown >= 2
    assert stack.merchant("GET", f"/v1/tx/{shop.open_transaction}").body["checkout_url"] == shop.page
    after = contents(stack)
    assert not before - after
    assert not [row for row in after - before if any(name in row for name in shop.secrets())]


def test_the_same_idempotency_key_of_two_merchants_is_two_keys(stack: Stack, shop: Shop):
    other = make_tenant(stack, "Other")
    answer = ask(stack, other.key, "POST", "/v1/checkout", ORDER, idempotency_key="shared-key")
    assert answer.status == 201
    assert "Idempotency-Replayed" not in answer.headers
    assert answer.body["id"] != shop.transaction
    assert stack.merchant("GET", f"/v1/tx/{answer.body['id']}").status == 404
    owners = stack.rows("select merchant_id, account_id from transactions where id = %s", answer.body["id"])
    assert owners == [{"merchant_id": other.id, "account_id": other.account_id}]


# Who is let in


@dataclass(frozen=True)
class Documented:
    kinds: frozenset[str]
    scope: str


def documented() -> dict[str, Documented]:
    """Return what docs/api.md says of each route that needs a key."""
    text = (REPOSITORY / "docs" / "api.md").read_text()
    found = {}
    for routes, kinds, scope in re.findall(r"^\| (`.*`) \| ([a-z, ]+) \| `([a-z:]+)` \|$", text, re.M):
        for route in re.findall(r"`([A-Z]+ [^`]+)`", routes):
            found[route] = Documented(frozenset(kinds.split(", ")), scope)
    return found


OPEN = {
    "GET /healthz",
    "GET /healthz/live",
    "GET /healthz/ready",
    "POST /v1/webhook/{provider}",
    "POST /v1/webhook/{provider}/{account}",
}
"""Routes without a key."""

SCOPES = {"merchant": MERCHANT_SCOPES, "operator": OPERATOR_SCOPES}


def test_every_route_but_the_open_ones_has_its_key_and_scope_documented():
    assert set(documented()) == set(ROUTES) - OPEN
    for route, needed in documented().items():
        assert needed.kinds <= set(SCOPES), route
        assert all(needed.scope in SCOPES[kind] for kind in needed.kinds), route


def test_every_scope_opens_a_route():
    for kind, scopes in SCOPES.items():
        opened = {needed.scope for needed in documented().values() if kind in needed.kinds}
        assert opened == set(scopes)


def try_route(stack: Stack, route: str, key: str) -> Answer:
    method, path = route.split()
    return ask(stack, key, method, re.sub(r"\{\w+\}", UNKNOWN, path), body_of(route))


def test_every_route_lets_in_its_kind_of_key_with_its_scope_alone(stack: Stack):
    merchant_id = stack.rows("select id from merchants")[0]["id"]
    owners = {"merchant": merchant_id, "operator": None}
    for route, needed in documented().items():
        for kind, scopes in SCOPES.items():
            every = try_route(stack, route, make_key(stack, scopes, owners[kind]))
            if kind not in needed.kinds:
                assert (every.status, every.problem) == (403, "forbidden"), (route, kind)
                continue
            without = [scope for scope in scopes if scope != needed.scope]
            refused = try_route(stack, route, make_key(stack, without, owners[kind]))
            assert refused.status == 403, (route, kind)
            assert refused.body["detail"] == f"this key lacks the scope {needed.scope}", route
            alone = try_route(stack, route, make_key(stack, [needed.scope], owners[kind]))
            assert alone.status < 500, (route, kind, alone)
            assert alone.status not in (401, 403), (route, kind, alone)


def test_no_route_lets_in_a_key_that_has_ended_or_is_not_ours(stack: Stack):
    merchant_id = stack.rows("select id from merchants")[0]["id"]
    owners = {"merchant": merchant_id, "operator": None}
    wrong: dict[str, list[str]] = {}
    for kind, scopes in SCOPES.items():
        expired, revoked, other_pepper = (make_key(stack, scopes, owners[kind]) for _ in range(3))
        table = "api_keys" if kind == "merchant" else "operator_keys"
        past = datetime.now(UTC) - timedelta(seconds=1)
        stack.rows(f"update {table} set expires_at = %s where prefix = %s", past, expired[:16])
        stack.deps.keys.revoke(key_row(stack, revoked)["id"], COMMAND, even_last=True)
        stack.rows(f"update {table} set pepper_id = 'gone' where prefix = %s", other_pepper[:16])
        live = make_key(stack, scopes, owners[kind])
        forged = live[:17] + "x" * 40
        wrong[kind] = [expired, revoked, other_pepper, forged, live[:16], live + "x", "Basic", ""]
    answers = set()
    for route, needed in documented().items():
        for kind in needed.kinds:
            for key in wrong[kind]:
                answer = try_route(stack, route, key)
                assert answer.status == 401, (route, key[:16])
                if len(key) == 57:
                    answers.add(json.dumps(answer.body))
    assert len(answers) == 1, "nobody learns which of them it is"


def test_a_suspended_merchants_keys_are_refused_on_every_route(stack: Stack):
    merchant_id = stack.rows("select id from merchants")[0]["id"]
    key = make_key(stack, MERCHANT_SCOPES, merchant_id)
    stack.deps.merchants.change(merchant_id, COMMAND, suspended=True)
    for route in documented():
        answer = try_route(stack, route, key)
        assert (answer.status, answer.problem) == (403, "merchant-suspended"), route
        forged = try_route(stack, route, key[:17] + "x" * 40)
        assert forged.status == 401, "only who has the key is told"
    stack.deps.merchants.change(merchant_id, COMMAND, suspended=False)
    assert try_route(stack, "GET /v1/events", key).status == 200


def test_production_lets_no_demo_key_in(stack: Stack):
    production = Deps(replace(stack.deps.settings, environment="production"))
    for name in ("PAYLINK_DEMO_MERCHANT_KEY", "PAYLINK_DEMO_OPERATOR_KEY"):
        header = f"Bearer {stack.environ[name]}"
        assert stack.deps.api_keys.authenticate(header).key_prefix[4:8] == "demo"
        with pytest.raises(Unauthenticated, match="is not known, has expired or was revoked"):
            production.api_keys.authenticate(header)
    production.database.close()


def test_the_two_merchants_of_these_tests_are_told_apart(stack: Stack):
    """Each sees its own, so what the tests above find closed is not closed to all."""
    other = make_tenant(stack, "Other")
    raw = json.dumps({"id": f"evt_{uuid.uuid4().hex}", "type": "a.b", "data": {"object": {}}}).encode()
    taken = stack.call(
        "POST",
        "/v1/webhook/stripe/other",
        headers={"Stripe-Signature": sign(other.webhook_secret, raw)},
        raw=raw,
    )
    assert taken.status == 200
    assert [e["account"] for e in ask(stack, other.key, "GET", "/v1/events").body["events"]] == ["other"]
    assert stack.merchant("GET", "/v1/events").body["events"] == []
