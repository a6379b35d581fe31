"""What the leak test has happen to its stack: one function for each kind of traffic."""

import json
import random
import time
import uuid
from typing import Any

from paylink.providers.registry import provider_slugs
from support.leak_marks import BODIES, random_text
from support.leak_places import queues
from support.leak_traffic import Traffic
from support.scripts import SCRIPTS


def pay_in_every_way(traffic: Traffic) -> None:
    """Every kind of webhook of every provider."""
    ends = {}
    for scripts in SCRIPTS.values():
        for script in scripts:
            ends[traffic.play(script)] = script.end[0].value
    for transaction_id, end in ends.items():
        traffic.await_state(transaction_id, end.__eq__)


def ask_for_everything(traffic: Traffic) -> None:
    status, held = traffic.checkout("stripe", capture="manual")
    assert status == 201
    page = traffic.running.client.page_of(held["checkout_url"])
    traffic.sandbox("POST", f"/_sandbox/stripe/pages/{page['id']}/pay")
    traffic.await_state(held["id"], lambda state: state == "authorized")
    assert traffic.call("POST", f"/v1/tx/{held['id']}/capture", {"amount": 100_000})[0] in (200, 201, 202)
    for slug in provider_slugs():
        _, made = traffic.checkout(slug)
        assert traffic.call("POST", f"/v1/tx/{made['id']}/cancel")[0] in (200, 202)
        _, made = traffic.checkout(slug)
        page = traffic.running.client.page_of(made["checkout_url"])
        traffic.sandbox("POST", f"/_sandbox/{slug}/pages/{page['id']}/pay")
        traffic.await_state(made["id"], lambda state: state == "paid")
        refund = {"amount": 50_000, "reason": "one too many"}
        assert traffic.call("POST", f"/v1/tx/{made['id']}/refunds", refund)[0] in (201, 202)
        assert traffic.call("POST", f"/v1/tx/{made['id']}/refunds", {"amount": 149_000})[0] == 422
    assert traffic.call("GET", "/v1/tx?limit=5")[0] == 200
    assert traffic.call("POST", "/v1/reconcile", {})[0] in (202, 409)
    for path in ("/v1/events", "/v1/dead-letters", "/v1/merchants", "/v1/accounts", "/v1/keys", "/v1/credentials"):
        assert traffic.call("GET", path, key="PAYLINK_DEMO_OPERATOR_KEY")[0] == 200, path


def knock_wrongly(traffic: Traffic) -> None:
    """Wrong keys, wrong signatures, bodies that are none, cards and mails where none belong."""
    marked, payer = traffic.marked, traffic.payer
    wrong = f"plm_{random_text(12)}_{marked.secret('a wrong API key')}"
    card, basic = marked.card("a card in a checkout"), marked.secret("a password")
    order = {"amount": 1, "currency": "IDR", "card_number": card, "customer": payer.body}
    for headers in ({"Authorization": f"Bearer {wrong}"}, {"Authorization": f"Basic {basic}"}, {"X-Api-Key": basic}):
        assert traffic.send("POST", "/v1/checkout", json.dumps(order).encode(), headers)[0] == 401
    assert traffic.call("POST", "/v1/checkout", order)[0] == 422
    assert traffic.call("POST", "/v1/checkout", {**order, "customer": {"email": f"{card} {payer.mail}"}})[0] == 422
    for path in (f"/v1/tx/{card}", f"/v1/tx?card={card}&api_key={basic}", f"/v1/{payer.mail}", f"/v1/tx/{basic}/x"):
        assert traffic.call("GET", path)[0] in (400, 404, 422), path
    key = {"Authorization": f"Bearer {traffic.environ['PAYLINK_DEMO_MERCHANT_KEY']}", "Idempotency-Key": "k"}
    cut_off = f'{{"amount": 1, "customer": {{"email": "{payer.mail}"'.encode()
    for raw in (cut_off, cut_off + b"\xff\xfe", b"[" * 20_000, f'{{"a": NaN, "card": "{card}"}}'.encode()):
        assert traffic.send("POST", "/v1/checkout", raw, key)[0] in (400, 422)

    webhook_card = marked.card("a card in a refused webhook")
    token, signature = marked.secret("a wrong token"), marked.secret("a wrong signature", 64)
    refused = {"id": "evt_refused", "card": webhook_card, "mail": payer.mail, "signature_key": signature}
    headers = {"x-callback-token": token, "stripe-signature": f"t={int(time.time())},v1={signature}"}
    for slug in (*provider_slugs(), "nobody", f"{provider_slugs()[0]}/nobody"):
        for raw in (json.dumps(refused).encode(), cut_off, b"\x00", b"x" * 600_000):
            status, _ = traffic.send("POST", f"/v1/webhook/{slug}", raw, headers)
            assert status in (400, 401, 404, 413), (slug, status)


def send_what_cannot_be_read(traffic: Traffic) -> None:
    """Rightly signed, and nonsense: such events die, and are brought up again."""
    payer = traffic.payer
    for number in range(3):
        event = {"id": f"evt_{random_text(12)}", "object": "event", "type": "checkout.session.completed"}
        assert traffic.deliver("stripe", {**event, "data": {"object": [payer.mail, number]}})[0] == 200
    order = {"order_id": str(uuid.uuid4()), "status_code": "200", "gross_amount": "1.00", "transaction_status": 7}
    traffic.deliver("midtrans", {**order, "customer_details": payer.body})
    traffic.deliver("xendit", {"id": random_text(24), "status": ["PAID"], "payer_email": payer.mail})
    stop_at = time.monotonic() + 60
    while not traffic.rows("select 1 from webhook_events where state = 'dead' having count(*) >= 3"):
        assert time.monotonic() < stop_at, traffic.rows("select event_id, state, reason from webhook_events")
        time.sleep(0.2)
    # Their messages stay on the dead-letter queue, and theirs alone.
    assert any(b"event_row_id" in held for name, held in queues(traffic.environ).items() if "dead" in name)


def run_every_command(traffic: Traffic) -> None:
    for command in ("events", "dead-letters", "credentials", "accounts", "merchants", "keys", "audit", "discrepancies"):
        traffic.command(command, "list")
        traffic.command(command, "list", "--json")
    [dead] = traffic.rows("select id::text from webhook_events where state = 'dead' limit 1")
    [done] = traffic.rows("select id::text from webhook_events where state = 'applied' limit 1")
    traffic.command("events", "show", *done)
    traffic.command("events", "show", "--body", *done, prints=True)
    traffic.command("dead-letters", "show", *dead)
    traffic.command("events", "replay", *done, *dead)
    traffic.command("dead-letters", "redrive", "--all")
    traffic.command("events", "verify", may_fail=True)
    traffic.command("reconcile", may_fail=True)
    traffic.command("status")
    traffic.command("logs", "--level", "debug", "-n", "100000")
    traffic.command("demo")
    merchant = traffic.command("merchants", "create", "Another shop")
    key = traffic.command("keys", "create", "--merchant", merchant, "--name", "n", "--scopes", "all", prints=True)
    traffic.marked.add("a new API key", key.rpartition("_")[2])
    [(key_id,)] = traffic.rows("select id::text from api_keys order by id desc limit 1")
    rotated = traffic.command("keys", "rotate", key_id, prints=True)
    traffic.marked.add("a rotated API key", rotated.rpartition("_")[2])
    traffic.command("keys", "revoke", key_id)
    account = traffic.command("accounts", "create", "--merchant", merchant, "--provider", "stripe", "--name", "second")
    for field in ("secret_key", "webhook_secret"):
        secret = traffic.marked.secret(f"a {field} that was set")
        traffic.running.environ["GIVEN_SECRET"] = f"{'sk_test' if field == 'secret_key' else 'whsec'}_{secret}"
        traffic.command("accounts", "set", account, field, "--from-env", "GIVEN_SECRET")
    traffic.running.environ.pop("GIVEN_SECRET")
    traffic.command("accounts", "reseal")
    body = {"value": f"sk_test_{traffic.marked.secret('a secret_key that was sent')}"}
    path = f"/v1/accounts/{account}/credentials/secret_key"
    traffic.call("PUT", path, body, key="PAYLINK_DEMO_OPERATOR_KEY")
    status, made = traffic.call("POST", "/v1/webhook/stripe/second", {"id": "evt_x", "mail": traffic.payer.mail})
    assert status == 401, made


def let_providers_fail(traffic: Traffic) -> None:
    faults: tuple[dict[str, Any], ...] = (
        {"kind": "api_error_before", "status": 503, "count": 2},
        {"kind": "api_error_after", "status": 500, "count": 1},
        {"kind": "api_rate_limit", "count": 1},
        {"kind": "webhook_wrong_amount", "count": 3},
        {"kind": "webhook_duplicate", "copies": 2, "count": 3},
    )
    for fault in faults:
        traffic.fault(**fault)
        for slug in provider_slugs():
            status, made = traffic.checkout(slug)
            assert status in (201, 202, 503), made
            if status == 201:
                page = traffic.running.client.page_of(made["checkout_url"])
                traffic.sandbox("POST", f"/_sandbox/{slug}/pages/{page['id']}/pay")
        traffic.faults_off()


def let_the_database_refuse(traffic: Traffic) -> None:
    """Its errors repeat the row and the statement, with the payer and the body in them."""
    payer, slug = traffic.payer, provider_slugs()[0]
    refused = []
    traffic.while_refusing("transactions", "false", lambda: refused.append(traffic.checkout(slug)[0]))
    assert refused == [500]
    event = {"id": f"evt_{random_text(12)}", "object": "event", "type": "x", "mail": payer.mail}
    traffic.while_refusing(
        "webhook_bodies", "false", lambda: refused.append(traffic.deliver("stripe", {**event, "n": random.random()})[0])
    )
    assert refused[1] >= 500
    traffic.while_cancelling("transactions", lambda: refused.append(traffic.checkout(slug)[0]))
    traffic.while_cancelling("webhook_bodies", lambda: refused.append(traffic.deliver("stripe", event)[0]))
    assert all(status >= 500 for status in refused), refused


def a_bit_of_everything(traffic: Traffic) -> None:
    for slug in provider_slugs():
        traffic.checkout(slug)
    event = {"id": f"evt_{random_text(12)}", "object": "event", "type": "customer.created", "mail": traffic.payer.mail}
    traffic.deliver("stripe", {**event, "data": {"object": {}}})
    traffic.call("GET", "/v1/tx?limit=1")
    traffic.command("events", "list", may_fail=True)
    traffic.command("reconcile", may_fail=True)


def mark_what_was_stored(traffic: Traffic) -> None:
    """Signatures and bodies are known once they are stored: one of each kind, however it ended."""
    bodies = traffic.rows(
        "select distinct on (e.account_id, e.event_type, e.state, e.reason) b.body, b.headers"
        " from webhook_bodies b join webhook_events e on e.id = b.event_row_id"
    )
    assert len(bodies) > 30
    for number, (body, headers) in enumerate(bodies):
        raw = bytes(body)
        # The ids in it may be told anywhere, and what stands around them not.
        traffic.marked.add(f"body {number}", raw[:60], BODIES, whole=True)
        told = {**headers, **{"signature_key": _signature_key(raw)}}
        for name, value in told.items():
            if "signature" in name and value:
                traffic.marked.add(f"{name} {number}", value.rpartition("=")[2], BODIES, whole=True)


def _signature_key(raw: bytes) -> str:
    try:
        return str(json.loads(raw).get("signature_key", ""))
    except (ValueError, AttributeError):
        return ""
