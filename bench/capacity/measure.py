"""What the model is given of this machine: service times, round trips, bytes. Written to measured.json."""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any, TypeVar
from uuid import UUID, uuid4

import paycrypto
from bench.capacity.function_side import Function
from bench.capacity.inputs import MEASURED, Calls
from bench.common import webhooks
from bench.common.machine import describe
from bench.common.paylink_side import PayLink
from bench.common.resources import cpu_seconds
from bench.common.rules import Void
from bench.common.seeding import Seeded, seed
from bench.common.stack import Stack, running_stack
from paylink.core.secret import Secret
from paylink.providers.port import Assurance
from paylink.runtime.settings import default_sql_dir
from paylink.store.ids import new_id
from paylink.store.queries import load_queries
from paylink.store.unit_of_work import UnitOfWork
from paylink.store.webhooks import NewWebhook, store_webhooks
from paylink_local.gateway.events import build_event
from paylink_local.template import find_template, load_template

LONE, PLAIN, TENS, GROUPS = 6_000, 4_000, 10_000, 20_480
"""So many webhooks are stored one by one, one by one without prepared statements, in tens and in groups."""
GROUP = 128
TRANSACTIONS = LONE + PLAIN + TENS + GROUPS
_WARM = 500

T = TypeVar("T")

_SIZES = """
select coalesce(p.parent, c.relname) as name,
       sum(pg_table_size(c.oid))::bigint as rows, sum(pg_indexes_size(c.oid))::bigint as indexes
  from pg_class c
  left join lateral (select i.inhparent::regclass::text as parent from pg_inherits i where i.inhrelid = c.oid) p on true
 where c.relkind = 'r' and c.relnamespace = 'public'::regnamespace group by 1
"""


def measure(say: Callable[[str], None]) -> dict[str, Any]:
    """
    Store and process some ten thousand webhooks through the code that runs on Lambda, in an embedded Postgres.

    Raises:
        Void: Something was refused or is not applied in the end.
    """
    with TemporaryDirectory(prefix="paylink-bench-") as folder, running_stack() as stack:
        return _Bench(stack, Path(folder), say).all()


def write(measured: Mapping[str, Any], file: Path = MEASURED) -> None:
    file.write_text(json.dumps(measured, indent=2) + "\n", encoding="utf-8")


class _Bench:
    def __init__(self, stack: Stack, folder: Path, say: Callable[[str], None]) -> None:
        self._stack, self._folder, self._say = stack, folder, say
        self._side = PayLink(stack, "paylink")
        self._template = load_template(find_template({}), {})
        self._postgres_us: dict[str, float] = {}
        self._wal_bytes: dict[str, float] = {}

    def all(self) -> dict[str, Any]:
        side = self._side
        # It makes the queues; what is queued is then processed by us.
        side.start_worker()
        side.stop_worker()
        machine = describe(side) | {"measured": datetime.now(UTC).date().isoformat()}
        empty = self._sizes()
        seeded = seed(side, TRANSACTIONS)
        pending = self._sizes()
        parts = iter(seeded)
        functions: dict[str, Calls] = {}
        store_us: dict[str, float] = {}
        with self._function("receive_webhook") as receive:
            functions["receive_webhook"] = self._receive(receive, _take(parts, LONE))
            memory_mb = self._backend_memory_mb()
        store_us["one, planned anew"] = self._store("one, planned anew", _take(parts, PLAIN), 1, prepared=False)
        store_us["ten"] = self._store("ten", _take(parts, TENS), 10)
        store_us["group"] = self._store("group", _take(parts, GROUPS), GROUP)
        ids = [row["id"] for row in self._rows("select id from webhook_events order by id")]
        with self._function("process_webhook") as process:
            functions["process_webhook, 1"] = self._process(process, "one applied", ids[:2_000], 1, messages=1)
            functions["process_webhook, 10"] = self._process(process, "ten applied", ids[2_000:12_000], 1)
            functions["process_webhook, 100"] = self._process(process, "hundred applied", ids[12_000:], 10)
        self._check(len(ids))
        paid = self._sizes()
        events = len(ids)
        return {
            "machine": machine,
            "events": events,
            "body_bytes": webhooks.BODY_BYTES,
            "functions": {name: asdict(calls) for name, calls in functions.items()},
            "store_wall_us": store_us,
            "postgres_cpu_us": self._postgres_us,
            "wal_bytes": self._wal_bytes,
            "backend_memory_mb": memory_mb,
            "unique_index_bytes": self._side.row("select pg_relation_size('webhook_events_unique') as n")["n"] / events,
            "bytes_per_event": _difference(pending, paid, events, only=_EVENT_TABLES),
            "bytes_per_transaction": _sum(
                _difference(empty, pending, events, only=_TRANSACTION_TABLES),
                _difference(pending, paid, events, only=_TRANSACTION_TABLES),
            ),
        }

    def _function(self, name: str) -> Function:
        return Function(self._template, {**self._side.environ}, name, self._folder)

    def _receive(self, function: Function, seeded: Sequence[Seeded]) -> Calls:
        events = [self._request(transaction) for transaction in seeded]
        function.call(events[:_WARM])
        with self._watched("one", len(events) - _WARM):
            calls = function.call(events[_WARM:])
        self._say(f"  receive_webhook: {calls}")
        return calls

    def _request(self, transaction: Seeded) -> dict[str, Any]:
        now_s = webhooks.now_s()
        raw = webhooks.body(transaction, now_s)
        key = paycrypto.HmacSha256Key(self._side.secret.encode())
        headers = {
            "content-type": "application/json; charset=utf-8",
            "user-agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
            "stripe-signature": paycrypto.sign_timestamped_hmac(key, raw, now_s),
        }
        return build_event(
            method="POST",
            route="/v1/webhook/{provider}",
            path="/v1/webhook/stripe",
            parameters={"provider": "stripe"},
            query={},
            headers=[(name.encode(), value.encode()) for name, value in headers.items()],
            body=raw,
            request_id=str(uuid4()),
            source_ip="127.0.0.1",
            port=8080,
        )

    def _store(self, name: str, seeded: Sequence[Seeded], size: int, *, prepared: bool = True) -> float:
        """Store webhooks in groups of this size as intake does; return the microseconds of one group."""
        # Not before: the deadlines that it gives this process leave no COPY, by which transactions are put in.
        from paylink.services.intake import LEASE_S
        from paylink.store.database import Database

        queries = load_queries(default_sql_dir() / "queries")
        database = Database(Secret(self._side.database_url), queries)
        groups = [[self._webhook(transaction) for transaction in group] for group in _groups(seeded, size)]
        shards = count()

        def store(group: Sequence[NewWebhook]) -> None:
            def work(uow: UnitOfWork) -> set[UUID]:
                if not prepared:
                    uow.all_prepared = uow.all  # type: ignore[method-assign]  # what a pooler of transactions would take
                return store_webhooks(uow, group, lease_s=LEASE_S, shard=next(shards) % 16)

            new = database.run(work, one_statement=True, reserved=True)
            if len(new) != len(group):
                raise Void("a webhook was not new")

        try:
            store(groups[0])
            with self._watched(name, len(seeded) - len(groups[0])):
                began_s = perf_counter()
                for group in groups[1:]:
                    store(group)
                wall_s = perf_counter() - began_s
        finally:
            database.close()
        group_us = 1e6 * wall_s / (len(groups) - 1)
        self._say(f"  stored {name}: {group_us:.0f} us for {size}")
        return group_us

    def _webhook(self, transaction: Seeded) -> NewWebhook:
        account_id, credential_id = (UUID(str(i)) for i in (self._side.account_id, self._side.credential_id))
        body = webhooks.body(transaction, webhooks.now_s())
        headers = {"content-type": "application/json; charset=utf-8", "user-agent": "Stripe/1.0"}
        assurance = Assurance.BODY
        return NewWebhook(new_id(), account_id, transaction.event_id, credential_id, assurance, body, headers)

    def _process(
        self, function: Function, name: str, ids: Sequence[UUID], per_message: int, messages: int = 10
    ) -> Calls:
        """Hand stored events to the worker's function, so many messages at a time."""
        events = [
            {"Records": [_record(message) for message in _groups(batch, per_message)]}
            for batch in _groups(ids, messages * per_message)
        ]
        warm = max(1, len(events) // 10)
        function.call(events[:warm])
        with self._watched(name, len(ids) - warm * messages * per_message):
            calls = function.call(events[warm:])
        self._say(f"  process_webhook, {name}: {calls}")
        return calls

    def _check(self, events: int) -> None:
        row = self._side.row("select count(*) as n from transactions where state = 'paid'")
        left = self._side.row("select count(*) as n from unfinished_events")
        if row["n"] != events or left["n"]:
            raise Void(f"{events} events, {row['n']} transactions paid, {left['n']} events not finished")

    @contextmanager
    def _watched(self, name: str, events: int) -> Iterator[None]:
        """Note the processor time and the WAL of Postgres for each event of the block."""
        pids = {"postgres": self._stack.pid("postgres")}
        before_s, before = cpu_seconds(pids)["postgres"], self._wal()
        yield
        self._wal_bytes[name] = (self._wal() - before) / events
        self._postgres_us[name] = 1e6 * (cpu_seconds(pids)["postgres"] - before_s) / events

    def _wal(self) -> int:
        return int(self._side.row("select pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0') as n")["n"])

    def _backend_memory_mb(self) -> float:
        """Return what is its own of the one connection that the function holds."""
        rows = self._rows(
            "select pid from pg_stat_activity where application_name = 'paylink' and datname = current_database()"
        )
        if len(rows) != 1:
            raise Void(f"a function holds {len(rows)} connections, not one")
        # Of its own: what it shares with the others of the server is there once.
        [anonymous_kb] = re.findall(r"^RssAnon:\s+(\d+) kB$", Path(f"/proc/{rows[0]['pid']}/status").read_text(), re.M)
        return int(anonymous_kb) * 1024 / 1e6

    def _rows(self, sql: str) -> list[dict[str, Any]]:
        with self._side.connection.cursor() as cursor:
            cursor.execute(sql)
            return [dict(row) for row in cursor.fetchall()]

    def _sizes(self) -> dict[str, tuple[int, int]]:
        """Return the bytes of each table's rows and of its indexes; partitions count for their table."""
        self._side.run("vacuum analyze")
        return {row["name"]: (row["rows"], row["indexes"]) for row in self._rows(_SIZES)}


_NOTIFICATIONS = "merchant_notifications"
_EVENT_TABLES = ("webhook_events", "webhook_bodies", "transaction_events")
_TRANSACTION_TABLES = (
    "transactions",
    "attempts",
    "provider_references",
    "transaction_history",
    "merchant_notifications",
)


def _take(parts: Iterator[Seeded], number: int) -> list[Seeded]:
    return [next(parts) for _ in range(number)]


def _groups(items: Sequence[T], size: int) -> list[Sequence[T]]:
    return [items[start : start + size] for start in range(0, len(items), size)]


def _record(event_row_ids: Sequence[UUID]) -> dict[str, Any]:
    return {
        "messageId": str(uuid4()),
        "receiptHandle": "handle",
        "body": json.dumps({"event_row_ids": [str(i) for i in event_row_ids]}),
        "attributes": {"ApproximateReceiveCount": "1"},
        "messageAttributes": {},
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:local:000000000000:webhook-events",
        "awsRegion": "local",
    }


_Sizes = Mapping[str, tuple[int, int]]


def _difference(before: _Sizes, after: _Sizes, count: int, *, only: Sequence[str]) -> dict[str, dict[str, float]]:
    return {
        name: {
            "rows": (after[name][0] - before[name][0]) / count,
            "indexes": (after[name][1] - before[name][1]) / count,
        }
        for name in only
    }


def _sum(one: Mapping[str, Mapping[str, float]], other: Mapping[str, Mapping[str, float]]) -> dict[str, Any]:
    return {name: {kind: one[name][kind] + other[name][kind] for kind in one[name]} for name in one}
