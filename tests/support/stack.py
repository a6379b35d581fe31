"""PayLink in one process, on real Postgres, Valkey and SQS, with the sandbox as its provider."""

import json
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import boto3
import psycopg2
import psycopg2.extras
import urllib3

from paylink.core.errors import PROBLEM_BASE
from paylink.providers.port import Provider
from paylink.runtime.wiring import Deps
from paylink.store import webhooks
from paylink.store.pages import Page
from paylink_local.functions import LoadedFunction, load_function
from paylink_local.gateway.events import build_event
from paylink_local.gateway.routing import Router, split_path
from paylink_local.template import Template, find_template, load_template
from support.serving import QuietHandler, serving
from support.signing import sign

ORDER = {
    "provider": "stripe",
    "amount": 150_000,
    "currency": "IDR",
    "order_reference": "order-1001",
    "success_url": "https://example.com/thanks",
}


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: Any

    @property
    def problem(self) -> str:
        """The slug of a problem, with which its `type` ends."""
        return str(self.body["type"]).removeprefix(PROBLEM_BASE)


NO_ANSWER = Answer(0, {}, None)
"""The connection broke: whether the request did anything is not known."""


@dataclass
class Stack:
    """Calls the functions as API Gateway, SQS and the scheduler do. The sandbox's webhooks arrive through `doors`."""

    environ: dict[str, str]
    deps: Deps
    sandbox: str
    functions: dict[str, LoadedFunction]
    router: Router[LoadedFunction]
    received: list[Answer] = field(default_factory=list)
    """What senders of webhooks were told, each time."""
    pool: urllib3.PoolManager = field(default_factory=lambda: urllib3.PoolManager(retries=False, timeout=20))

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        headers: dict[str, str] | None = None,
        raw: bytes = b"",
        query: str = "",
        more_headers: Sequence[tuple[bytes, bytes]] = (),
    ) -> Answer:
        """
        Send one request through the event builder to the function behind its route. `path` is decoded already;
        `more_headers` come after the others, with names in lower case.
        """
        match = self.router.match(split_path(path))
        assert match is not None, path
        target = match.target(method)
        assert target is not None, method
        event = build_event(
            method=method,
            route=match.path,
            path=path,
            parameters=match.parameters,
            query=parse_qs(query, keep_blank_values=True),
            headers=[*((k.lower().encode(), v.encode()) for k, v in (headers or {}).items()), *more_headers],
            body=json.dumps(body).encode() if body is not None else raw,
            request_id=str(uuid.uuid4()),
            source_ip="127.0.0.1",
            port=8080,
        )
        answer = target.call(event)
        content = answer["body"]
        is_json = answer["headers"].get("Content-Type", "").endswith("json")
        told = Answer(answer["statusCode"], answer["headers"], json.loads(content) if is_json else content)
        if path.startswith("/v1/webhook"):
            self.received.append(told)
        return told

    def merchant(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        """Send a request with the demo merchant's key; the query stands in the path."""
        key = {"Authorization": f"Bearer {self.environ['PAYLINK_DEMO_MERCHANT_KEY']}"}
        path, _, query = path.partition("?")
        headers = key | {k.replace("_", "-"): v for k, v in headers.items()}
        return self.call(method, path, body, headers=headers, query=query)

    def operator(self, method: str, path: str, body: Any = None) -> Answer:
        """Send a request with the demo operator's key; the query stands in the path."""
        key = {"Authorization": f"Bearer {self.environ['PAYLINK_DEMO_OPERATOR_KEY']}"}
        path, _, query = path.partition("?")
        return self.call(method, path, body, headers=key, query=query)

    def checkout(self, key: str | None = None, **changes: Any) -> Answer:
        return self.merchant("POST", "/v1/checkout", ORDER | changes, idempotency_key=key or uuid.uuid4().hex)

    def refund(self, transaction_id: str, key: str | None = None, **body: Any) -> Answer:
        path = f"/v1/tx/{transaction_id}/refunds"
        return self.merchant("POST", path, body, idempotency_key=key or uuid.uuid4().hex)

    def resolve(self) -> dict[str, Any]:
        """Run resolve_unknown as if the time had come for all that it has to do, and every lease was over."""
        for table in ("attempts", "refunds", "transactions"):
            self.rows(f"update {table} set resolve_due_at = now() where resolve_due_at is not null")
        self.rows("update refunds set locked_until = now()")
        self.rows("update idempotency_keys set locked_until = now()")
        return dict(self.functions["resolve_unknown"].call({}))

    def age_refunds(self, interval: str) -> None:
        """As if every refund had been made, and sent, so much earlier."""
        sql = "update refunds set created_at = created_at - %s::interval, sent_at = sent_at - %s::interval"
        self.rows(sql, interval, interval)

    def age_captures(self, interval: str) -> None:
        """As if every call to capture had been made so much earlier."""
        self.rows("update transactions set capture_called_at = capture_called_at - %s::interval", interval)

    def unresolved(self) -> int:
        """Return how much resolve_unknown still has to do, now or later."""
        tables = ("attempts", "refunds", "transactions")
        counts = [f"(select count(*) from {table} where resolve_due_at is not null)" for table in tables]
        return int(self.rows(f"select {' + '.join(counts)} as n")[0]["n"])

    def transaction(self, transaction_id: str) -> dict[str, Any]:
        answer = self.merchant("GET", f"/v1/tx/{transaction_id}")
        assert answer.status == 200, answer
        return dict(answer.body)

    def states(self, transaction_id: str) -> list[str]:
        return [row["state"] for row in self.transaction(transaction_id)["history"]]

    @contextmanager
    def disabled(self, *providers: str) -> Iterator[None]:
        """As if PayLink had been started anew without some providers."""
        enabled = self.deps.providers
        self._start_with({slug: provider for slug, provider in enabled.items() if slug not in providers})
        yield
        self._start_with(enabled)

    def _start_with(self, providers: Mapping[str, Provider]) -> None:
        built = vars(self.deps)
        built["providers"] = providers
        for name, part in list(built.items()):
            # What counts in the background is closed at the test's end, and asks no provider anything.
            if name == "parts" or (hasattr(part, "_parts") and not hasattr(part, "close")):
                del built[name]

    def reconcile(self, **order: Any) -> dict[str, Any]:
        """Start a run, work at it as woken workers do, and return its report."""
        started = self.merchant("POST", "/v1/reconcile", order)
        assert started.status == 202, started
        self.work_at_runs()
        answer = self.merchant("GET", f"/v1/reconcile/{started.body['id']}")
        assert answer.status == 200, answer
        return dict(answer.body)

    def reconcile_due(self) -> dict[str, Any]:
        """Let the schedule start what is due and work at it; return what became of it, of both its runs."""
        started = self.functions["start_reconciliation"].call({"schedule": "start_reconciliation"})
        self.work_at_runs()
        reports = [self.run_report(uuid.UUID(run_id)) for run_id in started.values() if run_id]
        told = {name: sum(report[name] for report in reports) for name in ("selected", "checked", "changed", "failed")}
        return told | {"discrepancies": [found for report in reports for found in report["discrepancies"]]}

    def run_report(self, run_id: uuid.UUID) -> dict[str, Any]:
        return self.deps.reconciliation.show(run_id, None, Page({"run_id": run_id}))

    def work_at_runs(self) -> None:
        """Work at runs to their end, as if each wait were over at once."""
        self._work_when_woken()
        while self.rows("select 1 from reconciliation_runs where state = 'running'"):
            self.rows("update reconciliation_batches set locked_until = now(), not_before = now() where state = 'due'")
            self.deps.reconciliation.work(within_s=30)
        self._work_when_woken()

    def _work_when_woken(self) -> None:
        url = self.environ["PAYLINK_RECONCILIATION_QUEUE_URL"]
        while got := self.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=1).get("Messages", []):
            answer = self.functions["reconcile_batch"].call({"Records": [record_of(message) for message in got]})
            assert answer == {"batchItemFailures": []}
            self.sqs.delete_message(QueueUrl=url, ReceiptHandle=got[0]["ReceiptHandle"])

    # The sandbox's side

    def sandbox_call(self, method: str, path: str, body: Any = None) -> Any:
        answer = self.pool.request(method, self.sandbox + path, body=None if body is None else json.dumps(body))
        assert answer.status == 200, (path, answer.status, answer.data[:500])
        return json.loads(answer.data)

    def fault(self, kind: str, **parameters: Any) -> None:
        self.sandbox_call("PUT", "/_sandbox/faults", {"kind": kind, **parameters})

    def fault_off(self, kind: str) -> None:
        self.sandbox_call("DELETE", f"/_sandbox/faults?kind={kind}")

    def ledger(self) -> dict[str, Any]:
        return dict(self.sandbox_call("GET", "/_sandbox/ledger"))

    def page(self, checkout_url: str) -> dict[str, Any]:
        """Return the sandbox's record of a page."""
        return dict(next(p for p in self.ledger()["pages"] if p["url"] == checkout_url))

    def pay(self, checkout_url: str, action: str = "pay") -> None:
        page = self.page(checkout_url)
        self.sandbox_call("POST", f"/_sandbox/{page['provider']}/pages/{page['id']}/{action}")

    def on_charge(self, action: str, **body: Any) -> None:
        """Do something to the newest charge."""
        charge = self.ledger()["charges"][0]
        self.sandbox_call("POST", f"/_sandbox/{charge['provider']}/charges/{charge['id']}/{action}", body)

    def await_deliveries(self) -> None:
        """Wait until the sandbox has delivered everything it meant to."""
        for _ in range(400):
            deliveries = self.sandbox_call("GET", "/_sandbox/deliveries")["deliveries"]
            if all(d["state"] != "pending" for d in deliveries):
                return
            time.sleep(0.025)
        raise AssertionError("the sandbox still has undelivered webhooks")

    def send_lost_webhooks(self) -> None:
        """Have the sandbox send what a fault kept back, as a merchant has it done in the provider's dashboard."""
        for delivery in self.sandbox_call("GET", "/_sandbox/deliveries")["deliveries"]:
            if delivery["state"] == "dropped":
                self.sandbox_call("POST", f"/_sandbox/deliveries/{delivery['id']}/resend")

    def deliver(self, event: dict[str, Any]) -> uuid.UUID:
        """Have an event of our own making arrive, rightly signed; return its row's id. Nothing is processed yet."""
        raw = json.dumps(event).encode()
        signature = sign(self.environ["PAYLINK_STRIPE_WEBHOOK_SECRET"], raw)
        answer = self.call("POST", "/v1/webhook/stripe", headers={"Stripe-Signature": signature}, raw=raw)
        assert answer.status == 200, answer
        row_id: uuid.UUID = self.rows("select id from webhook_events where event_id = %s", event["id"])[0]["id"]
        return row_id

    def attempt_id(self, transaction_id: str | None = None) -> str:
        """Return the newest attempt of a transaction, by default of the only one."""
        sql = "select id from attempts where transaction_id = coalesce(%s, transaction_id) order by number desc limit 1"
        return str(self.rows(sql, transaction_id)[0]["id"])

    def paid(self, **changes: Any) -> dict[str, Any]:
        """Make a checkout and pay it; return the transaction."""
        answer = self.checkout(**changes)
        self.pay(answer.body["checkout_url"])
        self.settle()
        return self.transaction(answer.body["id"])

    # The worker's side

    @property
    def sqs(self) -> Any:
        return sqs_client(self.environ["AWS_ENDPOINT_URL_SQS"])

    def drain(self) -> bool:
        """Process one batch of what is queued, as the event source mapping does. False: nothing was queued."""
        client, url = self.sqs, self.environ["PAYLINK_WEBHOOK_EVENTS_QUEUE_URL"]
        got = client.receive_message(QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"])
        got = got.get("Messages", [])
        if not got:
            return False
        event = {"Records": [record_of(message) for message in got]}
        failed = {f["itemIdentifier"] for f in self.functions["process_webhook"].call(event)["batchItemFailures"]}
        for message in got:
            if message["MessageId"] not in failed:
                client.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return True

    def try_each_event(self) -> None:
        """Process until each event that has arrived was tried, whatever came of it. Its message may still be coming."""
        self.await_deliveries()
        for _ in range(600):
            if not self.drain() and not self.rows("select 1 from unfinished_events where attempts = 0 and asked = 0"):
                return
            time.sleep(0.02)
        raise AssertionError("some event was never tried")

    def settle(self) -> None:
        """Let everything that is under way come to its end: deliveries, messages, and what is due."""
        self.await_deliveries()
        stop_at = time.monotonic() + 30
        while time.monotonic() < stop_at:
            if self.drain():
                continue
            self._hasten_what_was_put_off()
            waiting = self.rows(
                "select count(*) filter (where next_attempt_at <= now()) as due,"
                " count(*) filter (where attempts = 0) as fresh"
                " from unfinished_events where next_attempt_at is not null"
            )[0]
            if waiting["due"]:
                self.functions["relay_events"].call({})
            elif not waiting["fresh"]:
                return
            time.sleep(0.02)
        raise AssertionError("events are still in flight")

    def _hasten_what_was_put_off(self) -> None:
        """Make due what may be tried by now: its message comes later, as SQS delays by whole seconds."""
        self.rows(
            "update unfinished_events u set next_attempt_at = now() from webhook_events e where e.id = u.event_row_id"
            " and u.attempts = 0 and u.next_attempt_at > now() and u.not_before <= now()"
            " and u.not_before > e.received_at + interval '50 ms'"
        )

    # The database

    def make_due(self) -> None:
        """As if the time had come at which each event under way may be tried again, and each letter sent again."""
        self.rows(
            "update unfinished_events set next_attempt_at = now(), not_before = now() where next_attempt_at > now()"
        )
        self.rows("update unfinished_events set letter_due_at = now() where letter_due_at > now()")

    def rows(self, sql: str, *parameters: Any) -> list[dict[str, Any]]:
        with closing(psycopg2.connect(self.environ["PAYLINK_DATABASE_URL"])) as connection:
            connection.autocommit = True
            with connection.cursor(cursor_factory=psycopg2.extras.RealDictCursor) as cursor:
                cursor.execute(sql, parameters)
                return [dict(row) for row in cursor.fetchall()] if cursor.description else []

    def events(self) -> list[dict[str, Any]]:
        """Return every event, with the attempts so far."""
        return self.rows(
            "select event_type, state, reason, coalesce(u.attempts, e.attempts) as attempts"
            " from webhook_events e left join unfinished_events u on u.event_row_id = e.id order by e.id"
        )

    def free_the_lease(self) -> None:
        """As if the process at work had died, and its time were over."""
        self.rows("update idempotency_keys set locked_until = now()")

    def forget(self, kind: str) -> None:
        """Empty Redis of finished answers (`answer`), which Postgres has all, of breakers (`breaker`) or `bucket`s."""
        link = self.deps.shared_redis.link
        for key in link.run("KEYS", f"paylink:{kind}:*"):
            link.run("DEL", key)

    def reopen(self, event_row_id: uuid.UUID) -> None:
        """Put an event that has an outcome in flight again."""
        self.deps.database.run(lambda uow: webhooks.reopen_events(uow, [event_row_id]))

    def event_ids(self) -> list[uuid.UUID]:
        return [row["id"] for row in self.rows("select id from webhook_events order by id")]

    def assert_accounting_closes(self) -> None:
        """
        Promise 2: every event has one place, and every 2xx that a sender counted has its row.

        A sender that was told 5xx, or nothing, cannot know: its delivery may be stored.
        """
        totals = self.rows("select * from webhook_accounting")
        assert all(row[name] == 0 for row in totals for name in row if name.startswith("imbalance")), totals
        assert all(row["imbalance"] == 0 for row in self.rows("select * from webhook_balance"))
        # One that the sandbox delivers just now is stored a moment before its answer is counted.
        stop_at = time.monotonic() + 5
        while True:
            promised = sum(answer.status == 200 for answer in self.received)
            [stored] = self.rows("select coalesce(sum(new + redelivered), 0) as n from webhook_accounting")
            unclear = sum(answer.status >= 500 or answer is NO_ANSWER for answer in self.received)
            if promised <= stored["n"] <= promised + unclear:
                return
            assert time.monotonic() < stop_at, (promised, stored["n"], unclear)
            time.sleep(0.05)


def record_of(message: dict[str, Any]) -> dict[str, Any]:
    """Return a message as Lambda is given it."""
    return {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": {"ApproximateReceiveCount": "1"},
        "messageAttributes": {
            name: {"dataType": value["DataType"], "stringValue": value["StringValue"]}
            for name, value in message.get("MessageAttributes", {}).items()
        },
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:ap-southeast-3:000000000000:webhook-events",
        "awsRegion": "ap-southeast-3",
    }


@cache
def sqs_client(endpoint: str) -> Any:
    """Return the client of this process; to make one costs as much as a short test. The environment has the keys."""
    return boto3.session.Session().client("sqs", endpoint_url=endpoint)


@cache
def _template() -> Template:
    return load_template(find_template())


def load_functions() -> tuple[dict[str, LoadedFunction], Router[LoadedFunction]]:
    template = _template()
    functions = {function.folder: load_function(function) for function in template.functions}
    routes = [(route, functions[function.folder]) for route, function in template.routes()]
    return functions, Router(routes)


@contextmanager
def doors(stack_of: Any) -> Iterator[str]:
    """Serve PayLink's webhook route on a free port, for the sandbox to call; `stack_of()` gives the stack."""

    class Handler(QuietHandler):
        def do_POST(self) -> None:
            stack: Stack = stack_of()
            raw = self.rfile.read(int(self.headers["Content-Length"]))
            answer = stack.call("POST", self.path, headers=dict(self.headers.items()), raw=raw)
            body = json.dumps(answer.body).encode()
            self.send_response(answer.status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    with serving(Handler) as address:
        yield address


def create_database(admin_url: str, name: str, template: str | None = None) -> str:
    """Make a database beside the one in `admin_url` and return its address."""
    with closing(psycopg2.connect(admin_url)) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(f'create database "{name}"' + (f' template "{template}"' if template else ""))
    return admin_url.replace("/paylink?", f"/{name}?", 1)


def drop_database(admin_url: str, name: str) -> None:
    with closing(psycopg2.connect(admin_url)) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            for _ in range(100):
                try:
                    cursor.execute(f'drop database "{name}" with (force)')
                except psycopg2.errors.InsufficientPrivilege:
                    # The server itself is at work there, cleaning up: it may not be stopped, and is soon done.
                    time.sleep(0.1)
                else:
                    return
    raise AssertionError(f"{name} cannot be dropped")


REPOSITORY = Path(__file__).resolve().parents[2]
