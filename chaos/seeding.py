"""Pending transactions for the load, written straight into the database before the clock runs."""

import uuid
from collections.abc import Iterator
from contextlib import closing

from psycopg2.extras import execute_values

from chaos.events import AMOUNT
from chaos.stack import Stack
from paylink.store.ids import new_id

_NOW = "now"
_INSERT = {
    "transactions": (
        "insert into transactions (id, merchant_id, account_id, provider, order_reference, state, amount, currency,"
        " success_url, expires_at, attempt_id, created_at) values %s"
    ),
    "attempts": (
        "insert into attempts (id, transaction_id, account_id, number, outcome, expires_at, created_at, finished_at)"
        " values %s"
    ),
    "provider_references": "insert into provider_references (account_id, kind, value, transaction_id) values %s",
    "transaction_history": (
        "insert into transaction_history (id, transaction_id, version, state, captured, refunded, evidence) values %s"
    ),
}


def seed_transactions(stack: Stack, count: int) -> list[str]:
    """
    Store transactions of the demo merchant's Stripe account whose pages are open; return the ids of their attempts.

    Reconciliation never asks about them (no `pull_due_at`): only their webhooks move them.
    """
    account = stack.rows("select id, merchant_id from provider_accounts where provider = 'stripe' and is_default")[0]
    lines: dict[str, list[tuple[object, ...]]] = {table: [] for table in _INSERT}
    attempts = []
    for number in range(count):
        transaction_id, attempt_id = new_id(), new_id()
        attempts.append(str(attempt_id))
        for table, line in _rows(account["merchant_id"], account["id"], transaction_id, attempt_id, number):
            lines[table].append(line)
    with closing(stack.connect()) as connection, connection.cursor() as cursor:
        for table, insert in _INSERT.items():
            execute_values(cursor, insert, lines[table], page_size=1000)
    return attempts


def _rows(
    merchant_id: uuid.UUID, account_id: uuid.UUID, transaction_id: uuid.UUID, attempt_id: uuid.UUID, number: int
) -> Iterator[tuple[str, tuple[object, ...]]]:
    tomorrow, reference = "tomorrow", f"chaos-{number}"
    yield (
        "transactions",
        (transaction_id, merchant_id, account_id, "stripe", reference, "pending", AMOUNT, "IDR", "https://example.com",
         tomorrow, attempt_id, _NOW),
    )  # fmt: skip
    yield "attempts", (attempt_id, transaction_id, account_id, 1, "pending", tomorrow, _NOW, _NOW)
    yield "provider_references", (account_id, "attempt", attempt_id, transaction_id)
    yield "transaction_history", (new_id(), transaction_id, 0, "pending", 0, 0, "request")
