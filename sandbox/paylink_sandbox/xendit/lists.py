"""The list endpoints, newest first (the order is not documented)."""

from itertools import islice
from urllib.parse import urlencode

from paylink_sandbox.documents import Document
from paylink_sandbox.xendit import invoices
from paylink_sandbox.xendit.account import Account
from paylink_sandbox.xendit.errors import invalid
from paylink_sandbox.xendit.queries import Query, lies_between, limit_of, number_of, time_of, values_of
from paylink_sandbox.xendit.transactions import current


def list_invoices(account: Account, query: Query) -> list[Document]:
    """A bare array; the next page begins after `last_invoice`."""
    limit = limit_of(query, 10, 100)
    statuses, channels = values_of(query, "statuses"), values_of(query, "payment_channels")
    created = time_of(query, "created_after"), time_of(query, "created_before")
    paid = time_of(query, "paid_after"), time_of(query, "paid_before")
    expired = time_of(query, "expired_after"), time_of(query, "expired_before")
    where = {"external_id": query["external_id"]} if "external_id" in query else {}
    older_than = _position(account, "invoice", query, "last_invoice")
    found = []
    for kept in account.all_of("invoice", where, older_than=older_than):
        invoice = invoices.refreshed(account, kept)
        if (
            (not statuses or invoice["status"] in statuses)
            and (not channels or invoice.get("payment_channel") in channels)
            and lies_between(invoice, "created", *created)
            and lies_between(invoice, "paid_at", *paid)
            and lies_between(invoice, "expiry_date", *expired)
        ):
            found.append(invoice)
        if len(found) == limit:
            break
    return found


def list_refunds(account: Account, query: Query) -> Document:
    limit = limit_of(query, 10, 100)
    where = {"invoice_id": query["invoice_id"]} if "invoice_id" in query else {}
    wanted = {name: query[name] for name in ("payment_request_id", "channel_code") if name in query}
    after, before = (_position(account, "refund", query, name) for name in ("after_id", "before_id"))
    rows = account.all_of("refund", where, older_than=after, newer_than=before)
    rows = [row for row in rows if all(row[field] == value for field, value in wanted.items())]
    # Before a row stand the newer ones; the page is the part next to it.
    page = rows[-limit:] if before is not None else rows[:limit]
    return {"data": page, "has_more": len(rows) > limit}


def list_disputes(account: Account, query: Query) -> Document:
    """The cursor is the id of the last row."""
    limit = limit_of(query, 10, 100, 10)
    where = {name: query[name] for name in ("payment_id", "status") if name in query}
    after = time_of(query, "created_after")
    rows = account.all_of("dispute", where, older_than=_position(account, "dispute", query, "cursor"))
    rows = [row for row in rows if lies_between(row, "created", after, None)]
    has_more = len(rows) > limit
    cursor = rows[limit - 1]["id"] if has_more else None
    return {"data": rows[:limit], "pagination": {"next_cursor": cursor, "has_more": has_more}}


def list_transactions(account: Account, query: Query) -> Document:
    limit = limit_of(query, 10, 50)
    created = time_of(query, "created[gte]"), time_of(query, "created[lte]")
    updated = time_of(query, "updated[gte]"), time_of(query, "updated[lte]")
    lists = {"type": "types", "status": "statuses", "channel_category": "channel_categories"}
    wanted = {field: values_of(query, name) for field, name in lists.items()}
    names = ("reference_id", "product_id", "currency", "account_identifier")
    exact = {name: query[name] for name in names if name in query}
    amount = number_of(query, "amount")
    after, before = (_position(account, "transaction", query, name) for name in ("after_id", "before_id"))
    if before is None:
        kept = account.each_from("transaction", after, lambda document: str(document["row"]["id"]))
    else:
        kept = iter(account.all_of("transaction", newer_than=before))
    found = (
        row
        for row in (current(account, document) for document in kept)
        if all(not values or row[field] in values for field, values in wanted.items())
        and all(row[field] == value for field, value in exact.items())
        and (amount is None or row["amount"] == amount)
        and lies_between(row, "created", *created)
        and lies_between(row, "updated", *updated)
    )
    rows = list(found if before is not None else islice(found, limit + 1))
    page = rows[-limit:] if before is not None else rows[:limit]
    answer: Document = {"has_more": len(rows) > limit, "data": page, "links": []}
    if answer["has_more"]:
        answer["links"] = [_next_link(query, page, backwards=before is not None)]
    return answer


def _next_link(query: Query, page: list[Document], *, backwards: bool) -> Document:
    kept = [(name, value) for name, value in query.items(multi=True) if name not in ("after_id", "before_id")]
    cursor = ("before_id", page[0]["id"]) if backwards else ("after_id", page[-1]["id"])
    return {"href": f"/transactions?{urlencode([*kept, cursor])}", "rel": "next", "method": "GET"}


def _position(account: Account, kind: str, query: Query, name: str) -> int | None:
    """Raises XenditError for an id that is not there."""
    if name not in query:
        return None
    position = account.position(kind, query[name])
    if position is None:
        raise invalid(name, "must be the id of a row")
    return position
