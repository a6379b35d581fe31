"""Traffic of every kind through a running stack, with marked secrets, payers and cards in it."""

import json
import threading
import time
import uuid
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass, field
from typing import Any

import psutil
import psycopg2
import urllib3

from paylink_local.services.running import running_environment
from paylink_local.supervisor.home import Home
from support.histories import Script
from support.leak_marks import Marked, Payer, random_text
from support.leaks import Leak, Place, find_leaks
from support.running import RunningStack
from support.signing_as import signed_as

AMOUNT = 150_000


@dataclass
class Traffic:
    """`shown` are leaks in answers of the API and in what commands print."""

    running: RunningStack
    marked: Marked
    payer: Payer = field(default_factory=Payer)
    shown: list[Leak] = field(default_factory=list)
    pool: urllib3.PoolManager = field(default_factory=lambda: urllib3.PoolManager(timeout=40.0, retries=False))

    def __post_init__(self) -> None:
        self.marked.marks += self.payer.marks
        self.environ = running_environment(Home(self.running.home), self.running.environ)

    # PayLink's API

    def call(
        self, method: str, path: str, body: Any = None, *, key: str = "PAYLINK_DEMO_MERCHANT_KEY", **headers: str
    ) -> tuple[int, Any]:
        sent = {"Authorization": f"Bearer {self.environ[key]}", "Idempotency-Key": uuid.uuid4().hex}
        raw = None if body is None else json.dumps(body).encode()
        return self.send(method, path, raw, sent | {k.replace("_", "-"): v for k, v in headers.items()})

    def send(self, method: str, path: str, raw: bytes | None, headers: dict[str, str]) -> tuple[int, Any]:
        """Send anything; nothing comes back that is secret, and no payer but to their own merchant."""
        try:
            # Each by a connection of its own: one that was quiet for a while may just be being closed.
            answer = self.pool.request(
                method, self.running.api + path, body=raw, headers={**headers, "Connection": "close"}
            )
        except urllib3.exceptions.HTTPError:
            return 0, None  # too large a body is not waited for
        held = answer.data + "\n".join(f"{k}: {v}" for k, v in answer.headers.items()).encode()
        self._look(Place("answer", f"{method} {path.partition('?')[0]} {answer.status}"), held)
        return answer.status, json.loads(answer.data) if answer.data[:1] == b"{" else answer.data

    def command(self, *arguments: str, may_fail: bool = False, prints: bool = False) -> str:
        """Run `paylink`; what it prints is looked at, unless printing a secret or a body is what it is for."""
        done = self.running.paylink(*arguments)
        assert may_fail or done.returncode == 0, (arguments, done.stdout, done.stderr)
        if not prints:
            self._look(Place("answer", f"paylink {' '.join(arguments[:2])}"), (done.stdout + done.stderr).encode())
        return done.stdout.strip()

    def _look(self, place: Place, data: bytes) -> None:
        self.shown += find_leaks(self.marked.marks, place, data)

    def checkout(self, slug: str, **more: Any) -> tuple[int, Any]:
        order = {"provider": slug, "amount": AMOUNT, "currency": "IDR", "order_reference": f"o-{random_text(10)}"}
        order |= {"success_url": "https://example.com/thanks", "customer": self.payer.body}
        return self.call("POST", "/v1/checkout", order | more)

    def await_state(self, transaction_id: str, done: Callable[[str], bool], within_s: float = 60) -> str:
        stop_at = time.monotonic() + within_s
        while time.monotonic() < stop_at:
            _, found = self.call("GET", f"/v1/tx/{transaction_id}")
            if done(found["state"]):
                return str(found["state"])
            time.sleep(0.1)
        raise AssertionError(found)

    # The sandbox, as the payer and the provider

    def sandbox(self, method: str, path: str, body: Any = None) -> Any:
        raw = None if body is None else json.dumps(body)
        answer = self.pool.request(method, self.running.sandbox + path, body=raw)
        assert answer.status == 200, (path, answer.status, answer.data[:300])
        return json.loads(answer.data)

    def play(self, script: Script) -> str:
        """Make a checkout, open its page, and have happened to it what the script says; return the transaction's id."""
        status, made = self.checkout(script.slug)
        assert status == 201, made
        self.pool.request("GET", made["checkout_url"])
        page = self.running.client.page_of(made["checkout_url"])
        for step in script.steps:
            action, _, amount = step.removeprefix("charge:").partition(":")
            if not step.startswith("charge:"):
                self.sandbox("POST", f"/_sandbox/{script.slug}/pages/{page['id']}/{action}")
                continue
            charge = self.sandbox("GET", "/_sandbox/ledger")["charges"][0]
            units = {"amount": int(amount) * 10 ** charge["exponent"]} if amount else {}
            self.sandbox("POST", f"/_sandbox/{script.slug}/charges/{charge['id']}/{action}", units)
        return str(made["id"])

    def fault(self, kind: str, **parameters: Any) -> None:
        self.sandbox("PUT", "/_sandbox/faults", {"kind": kind, **parameters})

    def faults_off(self) -> None:
        self.sandbox("DELETE", "/_sandbox/faults")

    def deliver(self, slug: str, body: Any, **headers: str) -> tuple[int, Any]:
        """Have a webhook arrive that is rightly signed."""
        raw, signature = signed_as(slug, self.environ, json.dumps(body).encode())
        return self.send("POST", f"/v1/webhook/{slug}", raw, signature | headers)

    # What goes wrong beneath

    def rows(self, sql: str, *parameters: object) -> list[tuple[Any, ...]]:
        with closing(psycopg2.connect(self.environ["PAYLINK_DATABASE_URL"])) as connection:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(sql, parameters)
                return cursor.fetchall() if cursor.description else []

    def while_refusing(self, table: str, check: str, work: Callable[[], object]) -> None:
        """Have the database refuse rows of a table, as a defect of ours would: its error repeats the row."""
        self.rows(f"alter table {table} add constraint leak_check check ({check}) not valid")
        try:
            work()
        finally:
            self.rows(f"alter table {table} drop constraint leak_check")

    def while_cancelling(self, table: str, work: Callable[[], object]) -> None:
        """Have statements on a table wait for a lock and be cancelled: the database's error repeats the statement."""
        done = threading.Event()

        def run() -> None:
            try:
                work()
            finally:
                done.set()

        cancel = (
            "select pg_cancel_backend(pid) from pg_stat_activity where wait_event_type = 'Lock' and datname = 'paylink'"
        )
        with closing(psycopg2.connect(self.environ["PAYLINK_DATABASE_URL"])) as connection:
            with connection.cursor() as cursor:
                cursor.execute(f"lock table {table} in access exclusive mode")
                thread = threading.Thread(target=run)
                thread.start()
                cancelled = 0
                for _ in range(100):
                    cancelled += len(self.rows(cancel))
                    if done.wait(0.05):
                        break
                assert cancelled
            connection.rollback()
        thread.join()

    def without(self, service: str, work: Callable[[], object]) -> None:
        """Kill a service of this stack, work while it is away, and wait until it is back."""
        [pid] = [one.pid for one in self.running.status().services if one.name == service]
        assert pid is not None
        with suppress(psutil.NoSuchProcess):
            psutil.Process(pid).kill()
        work()
        stop_at = time.monotonic() + 60
        while not self._is_back(service, pid):
            assert time.monotonic() < stop_at, f"{service} did not come back"
            time.sleep(0.1)

    def _is_back(self, service: str, pid: int) -> bool:
        status = self.running.status()
        return status.is_healthy and any(one.name == service and one.pid not in (None, pid) for one in status.services)
