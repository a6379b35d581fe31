"""Orders of which reconciliation is to find what is wrong, and our side of them as rows."""

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg2.extras

from paylink.core.money import Money
from paylink.providers.payments import ATTEMPT, Reference
from paylink.providers.port import Account
from paylink.store.ids import new_id
from support.stack import Stack

LIFE = timedelta(hours=20)
"""Of a page."""


@dataclass
class Sale:
    """
    An order on both sides. `fate` is what both know of it, `wrong` what is then made different.

    `references` and `page_id` are empty while there is no page; `charge` is the sandbox's, once it was paid.
    """

    slug: str
    amount: Money
    fate: str = "paid"
    wrong: tuple["Wrong", ...] = ()
    transaction_id: uuid.UUID = field(default_factory=new_id)
    attempt_id: uuid.UUID = field(default_factory=new_id)
    created_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    references: tuple[Reference, ...] = ()
    page_id: str = ""
    charge: Mapping[str, Any] = field(default_factory=dict)

    @property
    def part(self) -> int:
        """What is given back when a part is."""
        return self.amount.amount // 4

    @property
    def is_ours(self) -> bool:
        return all(wrong.ours is not None for wrong in self.wrong)

    @property
    def state(self) -> str:
        """As our side is written down at first."""
        goes_on = self.fate not in ("paid", "expired")
        return "pending" if goes_on or any(wrong.ours == "pending" for wrong in self.wrong) else self.fate


@dataclass(frozen=True)
class Wrong:
    """
    Something that can be made wrong with a sale of certain fates, by `make(truth, sale)`.

    `by_line`: in what is told of it as settled. `ours`: whether we hold it as it is, as `pending`, or not at all
    (None). `theirs` is False when the provider knows nothing of it.
    """

    name: str
    fates: tuple[str, ...]
    make: Callable[[Any, Sale], None]
    by_line: bool = False
    ours: str | None = "held"
    theirs: bool = True


def insert_sales(stack: Stack, sales: Sequence[Sale], accounts: Mapping[str, Account]) -> None:
    """Write our side down: pages that were opened, and what is plainly paid or expired."""
    transactions, attempts, history, names = [], [], [], []
    for sale in sales:
        account, state = accounts[sale.slug], sale.state
        captured = sale.amount.amount if state == "paid" else 0
        ends_at = sale.created_at + LIFE
        paid_attempt = sale.attempt_id if captured else None
        transactions.append(
            (sale.transaction_id, account.merchant_id, account.id, sale.slug, f"order-{sale.transaction_id}", state,
             sale.amount.amount, sale.amount.currency, captured, "https://example.com/thanks", ends_at,
             int(state != "pending"), sale.attempt_id, paid_attempt, sale.created_at)
        )  # fmt: skip
        attempts.append((sale.attempt_id, sale.transaction_id, account.id, ends_at, sale.created_at))
        steps = [("pending", 0, "request"), *([] if state == "pending" else [(state, captured, "webhook")])]
        for version, (step, money, evidence) in enumerate(steps):
            history.append((new_id(), sale.transaction_id, version, step, money, evidence, sale.created_at))
        known = {*sale.references, Reference(ATTEMPT, str(sale.attempt_id))}
        names += [(account.id, name, sale.transaction_id) for name in known]
        if not sale.references:
            # A page that we were told of, and that the provider does not know.
            names.append((account.id, _name_of_a_page(stack, sale), sale.transaction_id))
    _insert_rows(
        stack,
        "transactions (id, merchant_id, account_id, provider, order_reference, state, amount, currency, captured,"
        " success_url, expires_at, version, attempt_id, paid_attempt_id, created_at)",
        transactions,
    )
    _insert_rows(
        stack,
        "attempts (id, transaction_id, account_id, expires_at, created_at, number, outcome)",
        [(*attempt, 1, "pending") for attempt in attempts],
    )
    _insert_rows(
        stack,
        "transaction_history (id, transaction_id, version, state, captured, evidence, created_at, refunded)",
        [(*step, 0) for step in history],
    )
    add_references(stack, names)


def _name_of_a_page(stack: Stack, sale: Sale) -> Reference:
    kinds = stack.deps.providers[sale.slug].capabilities.lookup_kinds
    return Reference(sorted(kinds)[-1], f"gone_{sale.attempt_id.hex[-19:]}")


def add_references(stack: Stack, names: Sequence[tuple[uuid.UUID, Reference, uuid.UUID]]) -> None:
    rows = [(account_id, name.kind, name.value, owner) for account_id, name, owner in names]
    _insert_rows(stack, "provider_references (account_id, kind, value, transaction_id)", rows)


def _insert_rows(stack: Stack, into: str, rows: Sequence[tuple[Any, ...]]) -> None:
    if not rows:
        return
    psycopg2.extras.register_uuid()  # type: ignore[no-untyped-call]  # the stubs leave it untyped
    with psycopg2.connect(stack.environ["PAYLINK_DATABASE_URL"]) as connection, connection.cursor() as cursor:
        psycopg2.extras.execute_values(cursor, f"insert into {into} values %s", rows, page_size=1000)
    connection.close()
