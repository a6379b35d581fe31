"""Months of stored payments, put into a database quickly: what a big shop's tables hold."""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

from bench.common.paylink_side import PROVIDER, PayLink
from bench.common.seeding import AMOUNT, CURRENCY

DAYS = 60
_CHUNK = 100_000

# Numbered, with ids that rise with their time as UUIDv7 do. Made first, since every table names them.
_NUMBERED = """
create unlogged table filled_transactions as
select n, at, {t} as id, {a} as attempt_id, {h0} as begun_id, {h1} as paid_id, {n} as notification_id,
       'cs_' || md5('s' || n) as session, 'pi_' || left(md5('p' || n), 24) as intent
  from (select n, {at} as at
          from (select n, %(transactions)s as total from generate_series(1, %(transactions)s) n) counted) numbered;
create unique index on filled_transactions (n);
create unlogged table filled_events as
select e.n, e.at, {e} as id, 'evt_' || left(md5('e' || e.n), 24) as event_id, t.id as transaction_id
  from (select n, {at} as at from (select n, %(events)s as total from generate_series(1, %(events)s) n) counted) e
  join filled_transactions t on t.n = (e.n * %(transactions)s::bigint - 1) / %(events)s + 1;
create unique index on filled_events (n);
analyze filled_transactions, filled_events;
select ensure_webhook_body_partition((now() - make_interval(days => d))::date) from generate_series(0, {days}, 10) d;
"""
_AT = "date_trunc('day', now()) - make_interval(secs => {days} * 86400.0 * (1 - n::float8 / total))"
_ID = """(lpad(to_hex((extract(epoch from {row}at) * 1000)::bigint), 12, '0')
       || '7' || left(md5('{kind}' || {row}n), 3) || '8' || right(md5('{kind}' || {row}n), 15))::uuid"""

# By number, from and to.
_TRANSACTIONS = {
    "transactions": """
insert into transactions (id, merchant_id, account_id, provider, order_reference, state, amount, currency, captured,
                          provider_status, success_url, expires_at, version, attempt_id, paid_attempt_id, created_at,
                          updated_at)
select id, %(merchant)s, %(account)s, '{provider}', 'order-' || n, 'paid', {amount}, '{currency}', {amount},
       'complete/paid', 'https://example.com/thanks', at + interval '1 day', 1, attempt_id, attempt_id, at, at
  from filled_transactions where n between %(from)s and %(to)s
""",
    "attempts": """
insert into attempts (id, transaction_id, account_id, number, outcome, checkout_url, expires_at, created_at,
                      finished_at)
select attempt_id, id, %(account)s, 1, 'pending', 'https://checkout.stripe.com/c/pay/' || session,
       at + interval '1 day', at, at
  from filled_transactions where n between %(from)s and %(to)s
""",
    "provider_references": """
insert into provider_references (account_id, kind, value, transaction_id, created_at)
select %(account)s, kind, value, id, at
  from filled_transactions,
       lateral (values ('attempt', attempt_id::text), ('checkout_session', session), ('payment_intent', intent))
               as r (kind, value)
 where n between %(from)s and %(to)s
""",
    "transaction_history": """
insert into transaction_history (id, transaction_id, version, state, captured, refunded, evidence, created_at)
select row_id, id, version, state, captured, 0, evidence, at
  from filled_transactions,
       lateral (values (begun_id, 0, 'pending', 0, 'request'), (paid_id, 1, 'paid', {amount}, 'webhook'))
               as h (row_id, version, state, captured, evidence)
 where n between %(from)s and %(to)s
""",
    "merchant_notifications": """
insert into merchant_notifications (id, merchant_id, transaction_id, version, kind, body, created_at)
select notification_id, %(merchant)s, id, 1, 'transaction.paid',
       jsonb_build_object('transaction_id', id, 'state', 'paid', 'captured', {amount}), at
  from filled_transactions where n between %(from)s and %(to)s
""",
}
_EVENTS = {
    "webhook_events": """
insert into webhook_events (id, account_id, event_id, credential_id, assurance, state, event_type, transaction_id,
                            attempts, received_at, finished_at)
select id, %(account)s, event_id, %(credential)s, 'body', 'applied', 'checkout.session.completed', transaction_id, 1,
       at, at
  from filled_events where n between %(from)s and %(to)s
""",
    "webhook_bodies": """
insert into webhook_bodies (event_row_id, received_at, body, headers)
select id, at, convert_to(rpad('{{"id":"' || event_id || '","data":"', 1022, md5('b' || n)) || '"}}', 'UTF8'),
       '{{"content-type": "application/json; charset=utf-8"}}'
  from filled_events where n between %(from)s and %(to)s
""",
    "transaction_events": """
insert into transaction_events (transaction_id, event_row_id)
select transaction_id, id from filled_events where n between %(from)s and %(to)s
""",
}
_LEDGERS = """
insert into intake_ledger (account_id, credential_id, shard, new) values (%(account)s, %(credential)s, 0, %(events)s);
insert into outcome_ledger (account_id, shard, applied) values (%(account)s, 0, %(events)s);
drop table filled_events, filled_transactions;
"""
_FOREIGN_KEYS = """
select conrelid::regclass::text as table, conname as name, pg_get_constraintdef(oid) as definition from pg_constraint
 where contype = 'f' and conparentid = 0 and connamespace = 'public'::regnamespace
"""


def fill(side: PayLink, *, transactions: int, events: int, say: Callable[[str], None]) -> None:
    """
    Put in so many paid transactions and applied events, with all that belongs to them, evenly over the last days.

    Everything is vacuumed and analyzed in the end. `side` must be new.
    """
    parameters = {
        "transactions": transactions,
        "events": events,
        "merchant": str(side.merchant_id),
        "account": str(side.account_id),
        "credential": str(side.credential_id),
    }
    names = {"amount": AMOUNT, "provider": PROVIDER, "currency": CURRENCY}
    with side.connection.cursor() as cursor, _without_foreign_keys(cursor):
        # Nobody was told that any of this is stored.
        cursor.execute("set synchronous_commit = off")
        cursor.execute(_numbered(), parameters)
        for tables, count in ((_TRANSACTIONS, transactions), (_EVENTS, events)):
            for table, sql in tables.items():
                for first in range(1, count + 1, _CHUNK):
                    part = {"from": first, "to": min(first + _CHUNK - 1, count)}
                    cursor.execute(sql.format(**names), parameters | part)
                say(f"  {side.name}: {table} filled")
        cursor.execute(_LEDGERS, parameters)
        cursor.execute("set synchronous_commit = on")
    with side.connection.cursor() as cursor:
        cursor.execute("vacuum analyze")


def _numbered() -> str:
    ids = {name: _ID.format(kind=name, row="") for name in ("t", "a", "h0", "h1", "n")}
    return _NUMBERED.format(at=_AT.format(days=DAYS), days=DAYS, e=_ID.format(kind="e", row="e."), **ids)


@contextlib.contextmanager
def _without_foreign_keys(cursor: Any) -> Iterator[None]:
    """Drop all foreign keys, and add them again in the end: checked all at once. The cursor's rows are dictionaries."""
    cursor.execute(_FOREIGN_KEYS)
    keys = cursor.fetchall()
    for key in keys:
        cursor.execute(f'alter table {key["table"]} drop constraint "{key["name"]}"')
    yield
    for key in keys:
        cursor.execute(f'alter table {key["table"]} add constraint "{key["name"]}" {key["definition"]}')
