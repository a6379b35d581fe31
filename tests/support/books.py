"""Our side of a reconciliation in a database of its own: an account, transactions and refunds with their history."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg2.extras

from paylink.core.reconciliation import RunOrder
from paylink.providers.payments import ATTEMPT, Reference
from paylink.providers.port import Account
from paylink.services.ports import Parts
from paylink.store.arrays import uuid_array
from paylink.store.database import Database
from paylink.store.ids import new_id
from paylink.store.references import add_references
from paylink.store.run_plans import insert_run
from paylink.store.unit_of_work import UnitOfWork

MIDDAY = datetime(2026, 3, 2, 12, tzinfo=UTC)


def begin_run(uow: UnitOfWork, run_id: UUID) -> None:
    """Store a run of a scope of its own, in which nothing is asked."""
    assert insert_run(uow, run_id, RunOrder(None, f"test {run_id}", provider=str(run_id)), None)


@dataclass
class Books:
    """`provider` is a word only: what these tests look at never asks one."""

    database: Database
    merchant_id: UUID = field(default_factory=new_id)
    account: Account = field(init=False)

    def __post_init__(self) -> None:
        self.sql("insert into merchants (id, name) values (%s, %s)", self.merchant_id, self.merchant_id.hex)
        self.account = self.make_account("main")

    def make_account(self, name: str) -> Account:
        account_id = new_id()
        self.sql(
            "insert into provider_accounts (id, merchant_id, provider, name, is_default, has_short_address)"
            " values (%s, %s, 'acme', %s, false, false)",
            account_id,
            self.merchant_id,
            name,
        )
        return Account(account_id, self.merchant_id, "acme", name, ())

    def run_id(self) -> UUID:
        """Return a new run."""
        run_id = new_id()
        self.database.run(lambda uow: begin_run(uow, run_id))
        return run_id

    def pay(
        self,
        captured: int = 150_000,
        *,
        refunded: int = 0,
        state: str | None = None,
        dispute: str | None = None,
        created_at: datetime = MIDDAY,
        references: Sequence[Reference] = (),
        account: Account | None = None,
    ) -> UUID:
        """Make a transaction of 150,000 rupiah with these totals; its history tells of them a minute after it began."""
        transaction_id, attempt_id = new_id(), new_id()
        if state is None:
            state = "paid" if not refunded else "refunded" if refunded == captured else "partially_refunded"
        account = account or self.account
        self.sql(
            "insert into transactions (id, merchant_id, account_id, provider, order_reference, state, amount, currency,"
            " captured, refunded, dispute, success_url, expires_at, created_at, version)"
            " values (%s, %s, %s, 'acme', 'order', %s, 150000, 'IDR', %s, %s, %s, 'https://x', %s, %s, 1)",
            *(transaction_id, self.merchant_id, account.id, state, captured, refunded, dispute, created_at, created_at),
        )
        self.add_history(transaction_id, 1, state, captured, refunded, dispute, created_at + timedelta(minutes=1))
        names = [(account.id, name) for name in (Reference(ATTEMPT, str(attempt_id)), *references)]
        self.database.run(lambda uow: add_references(uow, names, [transaction_id] * len(names)))
        return transaction_id

    def pay_many(self, count: int, created_at: datetime = MIDDAY) -> list[UUID]:
        """Make paid transactions, each known as `payment` by its own id, in few statements."""
        ids = [new_id() for _ in range(count)]
        self.sql(
            "with given as (select * from unnest(%s::uuid[]) with ordinality as t (id, n)), t as ("
            " insert into transactions (id, merchant_id, account_id, provider, order_reference, state, amount,"
            " currency, captured, success_url, expires_at, created_at, version)"
            " select id, %s, %s, 'acme', 'order', 'paid', 150000, 'IDR', 150000, 'https://x', %s, %s, 1 from given),"
            " h as (insert into transaction_history (id, transaction_id, version, state, captured, refunded, evidence,"
            " created_at) select gen_random_uuid(), id, 1, 'paid', 150000, 0, 'webhook', %s from given)"
            " insert into provider_references (account_id, kind, value, transaction_id)"
            " select %s, 'payment', id::text, id from given",
            *(uuid_array(ids), self.merchant_id, self.account.id, created_at, created_at, created_at, self.account.id),
        )
        return ids

    def refund(
        self, transaction_id: UUID, amount: int, state: str = "succeeded", *, reference: str | None = None
    ) -> UUID:
        """Make a refund of ours; one that succeeded is counted in the transaction's `refunded`."""
        refund_id = new_id()
        self.sql(
            "insert into refunds (id, transaction_id, merchant_id, account_id, amount, currency, state, counted,"
            " reference, locked_until, created_at, updated_at)"
            " select %s, id, merchant_id, account_id, %s, currency, %s, %s, %s, now(), created_at, created_at"
            " from transactions where id = %s",
            *(refund_id, amount, state, state == "succeeded", reference, transaction_id),
        )
        return refund_id

    def add_history(
        self,
        transaction_id: UUID,
        version: int,
        state: str,
        captured: int,
        refunded: int,
        dispute: str | None,
        created_at: datetime,
    ) -> None:
        self.sql(
            "insert into transaction_history (id, transaction_id, version, state, captured, refunded, dispute,"
            " evidence, created_at) values (%s, %s, %s, %s, %s, %s, %s, 'webhook', %s)",
            *(new_id(), transaction_id, version, state, captured, refunded, dispute, created_at),
        )

    def rows(self, sql: str, *parameters: Any) -> list[dict[str, Any]]:
        def work(uow: UnitOfWork) -> list[dict[str, Any]]:
            with uow._connection.cursor(cursor_factory=psycopg2.extras.RealDictCursor) as cursor:
                cursor.execute(sql, parameters)
                return [dict(row) for row in cursor.fetchall()] if cursor.description else []

        return self.database.run(work, deadline_s=30)

    def sql(self, sql: str, *parameters: Any) -> None:
        self.rows(sql, *parameters)

    def open(self) -> list[tuple[str, str, int, int]]:
        """Return kind, subject, ours and theirs of the open discrepancies."""
        found = self.rows(
            "select kind, subject, ours, theirs from discrepancies where state = 'open' order by subject, kind"
        )
        return [(row["kind"], row["subject"], row["ours"], row["theirs"]) for row in found]


def event_of(books: Books, transaction_id: UUID) -> UUID:
    """Let an event of a transaction be in flight."""
    event_row_id = uuid.uuid4()
    books.sql("insert into transaction_events values (%s, %s)", transaction_id, event_row_id)
    books.sql(
        "insert into unfinished_events (event_row_id, account_id, received_at, next_attempt_at)"
        " values (%s, %s, now(), now())",
        event_row_id,
        books.account.id,
    )
    return event_row_id


def parts_of(books: Books, now: datetime = MIDDAY) -> Parts:
    """Return the parts that lines and matching touch."""

    class Capable:
        class capabilities:  # an attribute of a provider
            pulls_per_s = 1000.0
            settlement_delay_s = 86_400

    class Unlimited:
        def wait_s(self, account_id: UUID, per_s: float) -> float:
            return 0

        def take(self, account_id: UUID, per_s: float, count: int) -> int:
            return count

    parts: Any = Parts
    given = {
        "database": books.database,
        "providers": {"acme": Capable()},
        "signatures": {},
        "pulls": Unlimited(),
        "log_failure": lambda column, row_id: None,
        "now": lambda: now,
    }
    made: Parts = parts(**dict.fromkeys(("accounts", "queue", "alerts")), **given)
    return made
