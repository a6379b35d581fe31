"""Pending transactions, as real checkouts leave them behind, put in by COPY."""

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from bench.common.paylink_side import PROVIDER, PayLink
from paylink.store.ids import new_id

AMOUNT = 150_000
CURRENCY = "IDR"
_CHUNK = 20_000


@dataclass(frozen=True)
class Seeded:
    """A pending transaction and the names that its provider has for it and its event."""

    id: UUID
    attempt_id: UUID

    @property
    def order_reference(self) -> str:
        return f"order-{self.id.hex[-12:]}"

    @property
    def session(self) -> str:
        return f"cs_test_{self.id.hex}"

    @property
    def intent(self) -> str:
        return f"pi_{self.id.hex[8:]}"

    @property
    def event_id(self) -> str:
        return f"evt_{self.id.hex[8:]}"


def seed(side: PayLink, count: int) -> list[Seeded]:
    """
    Put in `count` pending transactions, the ids in rising order, and have the planner know of them.

    Their pages live a day, and nothing is due at the provider meanwhile: there is none in this stack.
    """
    seeded: list[Seeded] = []
    for start in range(0, count, _CHUNK):
        part = [Seeded(new_id(), new_id()) for _ in range(min(_CHUNK, count - start))]
        _put_in(side, part)
        seeded += part
    with side.connection.cursor() as cursor:
        cursor.execute("analyze transactions, attempts, provider_references, transaction_history")
    return seeded


def _put_in(side: PayLink, part: Sequence[Seeded]) -> None:
    now = datetime.now(UTC)
    day = now + timedelta(days=1)
    merchant_id, account_id = side.merchant_id, side.account_id
    page = "https://checkout.stripe.com/c/pay/"
    thanks = "https://example.com/thanks"
    tables: dict[str, Callable[[Seeded], list[tuple[object, ...]]]] = {
        "transactions (id, merchant_id, account_id, provider, order_reference, state, amount, currency, success_url,"
        " expires_at, attempt_id, pull_due_at, created_at)": lambda t: [
            (t.id, merchant_id, account_id, PROVIDER, t.order_reference, "pending", AMOUNT, CURRENCY, thanks, day,
             t.attempt_id, day, now)
        ],
        "attempts (id, transaction_id, account_id, number, outcome, checkout_url, expires_at, created_at,"
        " finished_at)": lambda t: [
            (t.attempt_id, t.id, account_id, 1, "pending", page + t.session, day, now, now)
        ],
        "provider_references (account_id, kind, value, transaction_id)": lambda t: [
            (account_id, "attempt", t.attempt_id, t.id),
            (account_id, "checkout_session", t.session, t.id),
        ],
        "transaction_history (id, transaction_id, version, state, captured, refunded, evidence)": lambda t: [
            (new_id(), t.id, 0, "pending", 0, 0, "request")
        ],
    }  # fmt: skip
    with side.connection.cursor() as cursor:
        for table, rows_of in tables.items():
            lines = ("\t".join(map(str, row)) + "\n" for transaction in part for row in rows_of(transaction))
            cursor.copy_expert(f"copy {table} from stdin", io.StringIO("".join(lines)))
