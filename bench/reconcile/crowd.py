"""Very many transactions, put in by the database itself: open ones, and paid ones with their settlement lines."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from bench.common.paylink_side import PROVIDER, PayLink
from bench.common.seeding import AMOUNT, CURRENCY

BEGIN = datetime.now(UTC).replace(microsecond=0) - timedelta(days=30)
"""When the first of the paid ones began; then there is one each second."""
_FEE = 4_350
_CHUNK = 100_000

# Ids rise with their number. That of an attempt differs from its transaction's in one digit.
_NUMBERED = """
with numbered as materialized (
    select n, {kind} || lpad(to_hex(n), 11, '0') as early,
           left(md5({kind} || n), 3) || '8' || right(md5({kind} || n), 15) as late
      from generate_series(%(from)s::bigint, %(to)s) n
), crowd as materialized (
    select n, (early || '7' || late)::uuid as id, (early || '4' || late)::uuid as attempt_id,
           'cs_test_' || early || '7' || late as session, 'pi_' || early || late as intent,
           %(begin)s::timestamptz + make_interval(secs => n) as at
      from numbered
)"""
_OPEN = """, made as (
    insert into transactions (id, merchant_id, account_id, provider, order_reference, state, amount, currency,
                              success_url, expires_at, attempt_id, pull_due_at, created_at)
    select id, %(merchant)s, %(account)s, '{provider}', 'order-' || n, 'pending', {amount}, '{currency}',
           'https://example.com/', now() + interval '1 day', attempt_id, now() - interval '1 minute', now() from crowd
), tried as (
    insert into attempts (id, transaction_id, account_id, number, outcome, checkout_url, expires_at, created_at,
                          finished_at)
    select attempt_id, id, %(account)s, 1, 'pending', 'https://checkout.stripe.com/c/pay/' || session,
           now() + interval '1 day', now(), now() from crowd
)
insert into provider_references (account_id, kind, value, transaction_id)
select %(account)s, kind, value, id
  from crowd, lateral (values ('attempt', attempt_id::text), ('checkout_session', session)) as named (kind, value)
"""
_PAID = """
insert into transactions (id, merchant_id, account_id, provider, order_reference, state, amount, currency, captured,
                          success_url, expires_at, version, attempt_id, paid_attempt_id, created_at)
select id, %(merchant)s, %(account)s, '{provider}', 'order-' || n, 'paid', {amount}, '{currency}', {amount},
       'https://example.com/', at + interval '1 day', 1, attempt_id, attempt_id, at from crowd
"""
_SETTLED = """, named as (
    insert into provider_references (account_id, kind, value, transaction_id)
    select %(account)s, 'payment_intent', intent, id from crowd
)
insert into settlement_lines (id, account_id, line_id, kind, reference_kinds, reference_values, amount, currency,
                              fee, net, paid_amount, paid_currency, occurred_at, settled)
select attempt_id, %(account)s, 'txn_' || n, 'payment', '{{payment_intent}}', array[intent], {amount}, '{currency}',
       {fee}, {amount} - {fee}, {amount}, '{currency}', at, true from crowd
"""


def open_more(side: PayLink, first: int, last: int) -> None:
    """Add the open ones of these numbers, which are due. The stand-in knows each by its session."""
    _put_in(side, "'1'", _OPEN, first, last)


def pay_more(side: PayLink, first: int, last: int) -> None:
    """Add the paid ones of these numbers."""
    _put_in(side, "'0'", _PAID, first, last)


def settle_more(side: PayLink, first: int, last: int) -> None:
    """Add the settlement lines of paid ones of these numbers: each says what we say."""
    _put_in(side, "'0'", _SETTLED, first, last)


def window(count: int) -> tuple[datetime, datetime]:
    """Return the time in which the first so many of the paid ones began."""
    return BEGIN, BEGIN + timedelta(seconds=count + 0.5)


def analyze(side: PayLink) -> None:
    with side.connection.cursor() as cursor:
        cursor.execute("vacuum (analyze) transactions, attempts, provider_references, settlement_lines")


def attempt_of_session(session: str) -> str:
    """Return the attempt of one of the open ones."""
    digits = session.removeprefix("cs_test_")
    return str(UUID(digits[:12] + "4" + digits[13:]))


def _put_in(side: PayLink, kind: str, sql: str, first: int, last: int) -> None:
    names = {"amount": AMOUNT, "provider": PROVIDER, "currency": CURRENCY, "fee": _FEE, "kind": kind}
    fixed = {"merchant": str(side.merchant_id), "account": str(side.account_id), "begin": BEGIN}
    with side.connection.cursor() as cursor:
        # Nobody was told that any of this is stored.
        cursor.execute("set synchronous_commit = off")
        for start in range(first, last + 1, _CHUNK):
            part = {"from": start, "to": min(start + _CHUNK - 1, last)}
            cursor.execute((_NUMBERED + sql).format(**names), fixed | part)
        cursor.execute("set synchronous_commit = on")
