"""What the promises come to in the end: everything that was told from outside is looked up in the database."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from chaos.sender import Sent
from chaos.stack import Stack

_DELIVERIES = """
select e.event_id, e.state, e.received_at, e.finished_at, 1 + coalesce(d.again, 0) as stored
  from webhook_events e
  left join (select account_id, event_id, count(*) as again from webhook_deliveries group by 1, 2) d
       using (account_id, event_id)
"""
_UNFINISHED = """
select o.provider, o.event_id, o.state, o.reason, u.attempts, u.asked, o.received_at::time as received,
       coalesce(u.next_attempt_at, u.parked_until)::time as due, u.not_before::time as not_before
  from event_overview o join unfinished_events u on u.event_row_id = o.id
 order by o.id limit 20
"""
_MONEY_TWICE = """
select count(distinct transaction_id) as n from (
    select transaction_id, row_number() over (partition by transaction_id order by version) as nth
      from (select transaction_id, version, captured,
                   lag(captured, 1, 0::bigint) over (partition by transaction_id order by version) as before
              from transaction_history) h
     where captured > before) gains
 where nth > 1
"""
_WRONG_TOTAL = "select count(*) as n from transactions where captured not in (0, amount)"
_TOLD_TWICE = """
select count(*) as n from (
    select transaction_id from merchant_notifications n join transactions t on t.id = n.transaction_id
     where n.kind = 'transaction.' || t.state group by transaction_id having count(*) > 1) twice
"""
_UNTOLD = """
select count(*) as n from transactions t
 where t.state <> 'pending' and not exists (
       select from merchant_notifications n where n.transaction_id = t.id and n.kind = 'transaction.' || t.state)
"""
_UNPAID_OF_ATTEMPTS = """
select count(*) as n from unnest(%(attempts)s::uuid[]) a (id)
  left join attempts using (id) left join transactions t on t.id = attempts.transaction_id
 where t.state is distinct from 'paid'
"""
# A page that was paid before its checkout was answered has no address there; its order is the shop's own then.
_STATES_OF_PAGES = """
select p.url, t.id, t.state
  from unnest(%(urls)s::text[], %(references)s::text[]) p (url, reference)
  left join lateral (
       select t.id, t.state from attempts a join transactions t on t.id = a.transaction_id
        where a.checkout_url = p.url or t.order_reference = p.reference limit 1) t on true
"""


@dataclass(frozen=True)
class Audit:
    """
    accepted: 2xx answers counted outside, the sender's and the sandbox's. applied: events that moved a transaction.

    lost and doubled name what was found, and how often; both are to be empty.
    """

    accepted: int
    applied: int
    ignored: int
    lost: Mapping[str, int]
    doubled: Mapping[str, int]


def unfinished(stack: Stack) -> int:
    """Return how many events have no outcome yet."""
    return int(stack.rows("select count(*) as n from webhook_events where state not in ('applied', 'ignored')")[0]["n"])


def unfinished_events(stack: Stack) -> list[str]:
    """Return a line for each event that has no outcome yet."""
    rows = stack.rows(_UNFINISHED)
    return [
        f"{row['provider']} event {row['event_id']}: {row['state']} {row['reason'] or ''}, attempts {row['attempts']},"
        f" asked {row['asked']}, received {row['received']}, due {row['due']}, not before {row['not_before']}"
        for row in rows
    ]


def wrong_pages(stack: Stack, pages: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return a line for each page of the sandbox that is paid, or over, with a transaction that says otherwise."""
    ended = {page["url"]: page for page in pages if page["state"] != "open"}
    references = [page["reference"] for page in ended.values()]
    rows = stack.rows(_STATES_OF_PAGES, urls=list(ended), references=references)
    return [
        f"{ended[row['url']]['provider']} page {ended[row['url']]['state']}, transaction {row['id']} {row['state']}"
        for row in rows
        if row["state"] != ended[row["url"]]["state"]
    ]


def audit(
    stack: Stack,
    sent: Sequence[Sent],
    attempts: Mapping[str, str],
    ledger: Mapping[str, Any],
    deliveries: Iterable[Any],
) -> Audit:
    """Check everything at once. attempts: which seeded attempt an event of the sender pays, by the event's id."""
    rows = {row["event_id"]: row for row in stack.rows(_DELIVERIES)}
    accounting = stack.rows("select * from webhook_accounting")
    sandbox_accepted = sum(200 <= (a["status_code"] or 0) < 300 for d in deliveries for a in d["attempts"])
    accepted = sum(s.accepted for s in sent) + sandbox_accepted
    paid_for = [attempts[s.webhook.event_id] for s in sent if s.accepted and s.webhook.event_id in attempts]
    states = Counter(row["state"] for row in rows.values())
    lost = {
        "2xx without its row": max(
            sum(max(0, s.accepted - _stored(rows, s)) for s in sent),
            accepted - sum(row["new"] + row["redelivered"] for row in accounting),
        ),
        "row without an outcome": unfinished(stack),
        "paid event, transaction not paid": _count(stack, _UNPAID_OF_ATTEMPTS, attempts=paid_for),
        "page and transaction disagree": len(wrong_pages(stack, ledger["pages"])),
        "change without its notification": _count(stack, _UNTOLD),
        "accounting does not close": sum(
            abs(number) for row in accounting for name, number in row.items() if name.startswith("imbalance")
        ),
    }
    charged = Counter(charge["page_id"] for charge in ledger["charges"] if charge["state"] == "succeeded")
    doubled = {
        "money taken twice in a history": _count(stack, _MONEY_TWICE),
        "captured is not the amount": _count(stack, _WRONG_TOTAL),
        "final state announced twice": _count(stack, _TOLD_TWICE),
        "page charged twice": sum(times > 1 for times in charged.values()),
    }
    return Audit(accepted, states["applied"], states["ignored"], _found(lost), _found(doubled))


def recovery_s(stack: Stack, sent: Sequence[Sent], ended_at: float) -> tuple[float | None, float]:
    """
    Return the seconds from the fault's end to the first event that came and was applied after it (None: there was
    none), and to the last outcome of an event that was first tried, or had come, before it.
    """
    rows = stack.rows(
        "select event_id, state, extract(epoch from received_at)::float as received_at,"
        " extract(epoch from finished_at)::float as finished_at from webhook_events where finished_at is not null"
    )
    fresh = [r["finished_at"] for r in rows if r["received_at"] > ended_at and r["state"] == "applied"]
    owed = {s.webhook.event_id for s in sent if s.first_at is not None and s.first_at <= ended_at}
    late = [row["finished_at"] for row in rows if row["event_id"] in owed or row["received_at"] <= ended_at]
    return (min(fresh) - ended_at if fresh else None), max(0.0, max(late, default=ended_at) - ended_at)


def _stored(rows: Mapping[str, Mapping[str, Any]], sent: Sent) -> int:
    row = rows.get(sent.webhook.event_id)
    return int(row["stored"]) if row else 0


def _count(stack: Stack, sql: str, **parameters: object) -> int:
    return int(stack.rows(sql, **parameters)[0]["n"])


def _found(counts: Mapping[str, int]) -> dict[str, int]:
    return {what: number for what, number in counts.items() if number}
