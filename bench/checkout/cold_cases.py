"""For each function of the template: the events of its cold starts, and what each of them leaves stored."""

import itertools
import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import paycrypto
from bench.checkout.lab import Lab
from bench.checkout.requests import ORDER
from bench.checkout.shop import Shop
from bench.common import webhooks
from bench.common.paylink_side import PROVIDER
from bench.common.rules import Void
from bench.common.seeding import seed
from paylink_local.gateway.events import build_event

_PATIENCE_S = 60.0
_DEAD = "select coalesce(array_agg(id::text), '{}') as ids from webhook_events where id > %s and state = 'dead'"


@dataclass(frozen=True)
class Case:
    """
    `events` yields one for each start, and makes what it needs just before.

    rows: a query that counts what a start adds to; None when it only reads. status: of the answer; None: no HTTP.
    """

    events: Iterator[Any]
    rows: str | None = None
    status: int | None = 200


def cases(lab: Lab, starts: int) -> dict[str, Case]:
    """Return them by the function's folder; each has events for so many starts. A worker runs for a while."""
    return _Cases(lab, starts).all()


class _Cases:
    def __init__(self, lab: Lab, starts: int) -> None:
        self._side = lab.paylink
        self._lab = lab
        self._starts = starts
        self._numbers = itertools.count(1)
        self._shop = Shop(lab.paylink, lab.merchant_key, PROVIDER)

    def all(self) -> dict[str, Case]:
        shop, merchant, operator = self._shop, self._lab.merchant_key, self._lab.operator_key
        paid = [shop.checkout() for _ in range(2)]
        held = [shop.checkout(capture="manual") for _ in range(self._starts)]
        mark = self._side.mark()
        for _ in range(self._starts):
            # Neither type nor object: it can be stored, but not read.
            shop.webhook(PROVIDER, *self._sign(json.dumps({"id": f"evt_{uuid4().hex}"}).encode()))
        self._side.start_worker()
        for made, state in [*((made, "paid") for made in paid), *((made, "authorized") for made in held)]:
            shop.pay(made)
            shop.await_state(made["id"], state)
        dead = self._await_dead(mark)
        self._side.stop_worker()
        tx = {"transaction_id": paid[0]["id"]}
        applied = self._side.row("select array_agg(id::text) as ids from webhook_events where state = 'applied'")["ids"]
        owner = {"id": str(self._side.merchant_id)}
        changes = "select count(*) as n from operator_audit"
        steps = "select count(*) as n from transaction_history"
        replays = "select count(*) as n from event_replays"

        def each(make: Callable[[], Any]) -> Iterator[Any]:
            return (make() for _ in range(self._starts))

        def get(path: str, parameters: Mapping[str, str] | None = None, key: str = operator) -> Case:
            return Case(each(lambda: _event("GET", path, parameters or {}, key)))

        def create(path: str, make: Callable[[], Any]) -> Case:
            return Case(each(lambda: _event("POST", path, {}, operator, make())), changes, 201)

        return {
            "create_checkout": Case(
                each(lambda: _event("POST", "/v1/checkout", {}, merchant, self._order())),
                "select count(*) as n from transactions where attempt_id is not null",
                201,
            ),
            "get_transaction": get("/v1/tx/{transaction_id}", tx, merchant),
            "list_transactions": get("/v1/tx", key=merchant),
            "refund_transaction": Case(
                each(lambda: _event("POST", "/v1/tx/{transaction_id}/refunds", tx, merchant, {"amount": 1000})),
                "select count(*) as n from refunds",
                201,
            ),
            "read_refunds": get("/v1/tx/{transaction_id}/refunds", tx, merchant),
            "cancel_transaction": Case(
                each(lambda: _event("POST", "/v1/tx/{transaction_id}/cancel", _named(shop.checkout()), merchant)), steps
            ),
            "capture_transaction": Case(
                (_event("POST", "/v1/tx/{transaction_id}/capture", _named(made), merchant, {}) for made in held), steps
            ),
            "resolve_unknown": Case(each(self._unknown), steps, None),
            "receive_webhook": Case(each(self._webhook), "select count(*) as n from webhook_events"),
            "process_webhook": Case(
                each(self._message), "select count(*) as n from webhook_events where state = 'applied'", None
            ),
            "relay_events": Case(
                each(self._due_event),
                # It pushes the time on of what it has queued.
                "select coalesce(extract(epoch from max(next_attempt_at)), 0) * 1000 as n from unfinished_events",
                None,
            ),
            "start_reconciliation": Case(
                each(lambda: _event("POST", "/v1/reconcile", {}, merchant, self._run())),
                "select count(*) as n from reconciliation_runs",
                202,
            ),
            "reconcile_batch": Case(each(self._stale), steps, None),
            "get_reconciliation": Case(
                each(lambda: _event("GET", "/v1/reconcile/{id}", {"id": self._started()}, merchant))
            ),
            "read_discrepancies": get("/v1/discrepancies"),
            "resolve_discrepancy": Case(
                each(
                    lambda: _event(
                        "POST", "/v1/discrepancies/{id}/resolve", {"id": self._difference()}, operator, {"note": "seen"}
                    )
                ),
                "select count(*) as n from discrepancies where resolution = 'accepted'",
            ),
            "read_events": get("/v1/events/{id}", {"id": applied[0]}),
            "replay_event": Case(
                (_event("POST", "/v1/events/{id}/replay", {"id": id}, operator) for id in applied), replays, 202
            ),
            "read_dead_letters": get("/v1/dead-letters"),
            "redrive_dead_letters": Case(
                (_event("POST", "/v1/dead-letters/{id}/redrive", {"id": id}, operator) for id in dead), replays, 202
            ),
            "list_credentials": get("/v1/credentials"),
            "manage_merchants": create("/v1/merchants", lambda: {"name": f"Warung {uuid4().hex[:8]}"}),
            "manage_keys": create(
                "/v1/keys", lambda: {"merchant_id": owner["id"], "name": "shop", "scopes": ["tx:read"]}
            ),
            "manage_accounts": create(
                "/v1/accounts",
                lambda: {"merchant_id": owner["id"], "provider": PROVIDER, "name": f"a{uuid4().hex[:12]}"},
            ),
            "manage_routing": Case(
                each(lambda: _event("PUT", "/v1/merchants/{id}/routing", owner, operator, self._rules())),
                "select count(*) as n from routing_rules",
            ),
            "read_audit": get("/v1/audit"),
            "migrate_database": Case(each(lambda: {}), None, None),
            "metrics": get("/metrics"),
            "health": get("/healthz"),
            "answer_preflight": Case(each(lambda: _event("OPTIONS", "/v1/checkout", {}, None)), None, 204),
        }

    def _await_dead(self, mark: UUID) -> list[str]:
        give_up = time.monotonic() + _PATIENCE_S
        while len(found := self._side.row(_DEAD, mark)["ids"]) < self._starts:
            if time.monotonic() > give_up:
                raise Void(f"{len(found)} of {self._starts} events are dead")
            time.sleep(0.1)
        return list(found)

    def _rules(self) -> Any:
        account = {"provider": PROVIDER, "account": "default", "weight": 1}
        # Others each time: the same ones are no change.
        return {"rules": [{"currency": "IDR", "amount_max": next(self._numbers), "accounts": [account]}]}

    def _order(self) -> Any:
        return ORDER | {"provider": PROVIDER, "order_reference": "cold"}

    def _signed(self) -> tuple[bytes, str]:
        """Return a payment's webhook and its signature."""
        [paid] = seed(self._side, 1)
        return self._sign(webhooks.body(paid, webhooks.now_s()))

    def _sign(self, raw: bytes) -> tuple[bytes, str]:
        key = paycrypto.HmacSha256Key(self._side.secret.encode())
        return raw, paycrypto.sign_timestamped_hmac(key, raw, webhooks.now_s())

    def _webhook(self) -> Any:
        raw, signature = self._signed()
        return _event("POST", "/v1/webhook/{provider}", {"provider": PROVIDER}, None, raw, stripe_signature=signature)

    def _stored(self) -> str:
        """Have a payment's webhook stored, and return its row's id."""
        mark = self._side.mark()
        raw, signature = self._signed()
        self._shop.webhook(PROVIDER, raw, signature)
        return str(self._side.row("select id::text from webhook_events where id > %s", mark)["id"])

    def _message(self) -> Any:
        return {"Records": [_record(json.dumps({"event_row_ids": [self._stored()]}))]}

    def _due_event(self) -> Any:
        self._side.run(
            "update unfinished_events set next_attempt_at = now(), not_before = now() where event_row_id = %s",
            self._stored(),
        )
        return {"schedule": "relay_events"}

    def _unknown(self) -> Any:
        self._shop.cancel_in_vain()
        self._side.run("update transactions set resolve_due_at = now() where resolve_due_at is not null")
        return {"schedule": "resolve_unknown"}

    def _run(self) -> Any:
        """What a merchant asks for; of what it has asked for before nothing is left to do."""
        self._side.run("delete from reconciliation_batches")
        self._side.run("update reconciliation_runs set state = 'finished' where state = 'running'")
        return {"settlements": False, "sample": 0}

    def _started(self) -> str:
        return str(self._shop.merchant("POST", "/v1/reconcile", self._run())["id"])

    def _difference(self) -> str:
        """Return the id of an open discrepancy: that money is missing, of a payment that never was."""
        run_id, discrepancy_id = self._started(), str(uuid4())
        self._side.run(
            "insert into discrepancies (id, merchant_id, account_id, provider, kind, subject, difference, currency,"
            " ours, theirs, evidence, found_by, state, run_id, last_run_id)"
            " select %s, merchant_id, id, provider, 'missing_internal', %s, '0/1', 'IDR', 0, 1, '{}', 'settlement',"
            " 'open', %s, %s from provider_accounts where provider = %s and is_default limit 1",
            discrepancy_id, f"line:{discrepancy_id}", run_id, run_id, PROVIDER,
        )  # fmt: skip
        return discrepancy_id

    def _stale(self) -> Any:
        """A payment that its provider knows of, and we do not, and a run that asks about it and nothing else."""
        made = self._shop.checkout()
        self._shop.pay(made)
        self._side.run("update transactions set pull_due_at = null where id <> %s", made["id"])
        self._started()
        return {"Records": [_record("{}")]}


def _record(body: str) -> dict[str, Any]:
    record = {"messageId": str(uuid4()), "receiptHandle": "-", "body": body, "eventSource": "aws:sqs"}
    return record | {"attributes": {"ApproximateReceiveCount": "1"}, "messageAttributes": {}}


def _named(made: Mapping[str, Any]) -> dict[str, str]:
    return {"transaction_id": made["id"]}


def _event(
    method: str, route: str, parameters: Mapping[str, str], key: str | None, body: Any = None, **more: str
) -> dict[str, Any]:
    """Return what API Gateway sends. The body is JSON unless it is bytes."""
    raw = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
    given = {"host": "localhost", "content-type": "application/json", "idempotency-key": str(uuid4())}
    given |= {name.replace("_", "-"): value for name, value in more.items()}
    if key:
        given["authorization"] = f"Bearer {key}"
    return build_event(
        method=method,
        route=route,
        path=route.format(**parameters),
        parameters=dict(parameters),
        query={},
        headers=[(name.encode(), value.encode()) for name, value in given.items()],
        body=raw,
        request_id=str(uuid4()),
        source_ip="127.0.0.1",
        port=8080,
    )
