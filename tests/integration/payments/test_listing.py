"""GET /v1/tx: each filter and every mix of them, pages that neither lose nor repeat, and nobody else's."""

import itertools
import random
import threading
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import psycopg2
import psycopg2.extras
import pytest

from paylink.core.states import HAS_MONEY, State
from paylink.store import listing
from paylink.store.ids import new_id
from support.stack import Stack

DAY = datetime(2026, 6, 1, tzinfo=UTC)
INSERT = """
insert into transactions (id, merchant_id, account_id, provider, order_reference, state, amount, currency, captured,
                          dispute, metadata, success_url, expires_at, created_at)
values %s"""


def store(stack: Stack, rows: list[dict[str, Any]], merchant_id: uuid.UUID | None = None) -> None:
    """Store transactions as if each had come and gone its way."""
    account = stack.rows("select id, merchant_id from provider_accounts limit 1")[0]
    with psycopg2.connect(stack.environ["PAYLINK_DATABASE_URL"]) as connection, connection.cursor() as cursor:
        values = [
            (
                row["id"],
                merchant_id or account["merchant_id"],
                account["id"],
                row["provider"],
                row["order_reference"],
                row["state"],
                row["amount"],
                row["currency"],
                row["amount"] if row["state"] in HAS_MONEY else 0,
                "open" if row["state"] == State.DISPUTED else None,
                psycopg2.extras.Json(row["metadata"]),
                "https://example.com/",
                row["created_at"],
                row["created_at"],
            )
            for row in rows
        ]
        psycopg2.extras.execute_values(cursor, INSERT, values)
    connection.close()


def another_merchant(stack: Stack) -> uuid.UUID:
    made: uuid.UUID = stack.rows("insert into merchants values (gen_random_uuid(), 'Another') returning id")[0]["id"]
    return made


def row(**changes: Any) -> dict[str, Any]:
    return {
        "id": new_id(),
        "provider": "stripe",
        "order_reference": "order-1",
        "state": "paid",
        "amount": 150_000,
        "currency": "IDR",
        "metadata": {},
        "created_at": DAY,
    } | changes


def pages(stack: Stack, limit: int = 50, **query: Any) -> Iterator[list[str]]:
    """Give the ids of each page in turn."""
    given = {"limit": limit, **query}
    while True:
        answer = stack.merchant("GET", "/v1/tx?" + urlencode(given))
        assert answer.status == 200, answer
        assert len(answer.body["transactions"]) <= limit
        yield [found["id"] for found in answer.body["transactions"]]
        if answer.body["next_cursor"] is None:
            return
        given["cursor"] = answer.body["next_cursor"]


def ids(rows: list[dict[str, Any]]) -> list[str]:
    ordered = sorted(rows, key=lambda r: (r["created_at"], r["id"]), reverse=True)
    return [str(r["id"]) for r in ordered]


def test_a_list_tells_of_each_transaction_what_it_is_and_how_it_stands(stack: Stack):
    made = stack.checkout(metadata={"shop": "jakarta"}, description="A book").body
    answer = stack.merchant("GET", "/v1/tx")
    assert answer.body["next_cursor"] is None
    (told,) = answer.body["transactions"]
    whole = stack.transaction(made["id"])
    assert told == {name: whole[name] for name in told}
    lists = {"attempts", "history", "events", "refunds", "items", "payment_methods", "links"}
    being_done = {"checkout_url", "capture", "capture_requested", "cancel_requested_at", "refund_reserved"}
    assert set(whole) - set(told) == lists | being_done
    assert (told["id"], told["metadata"], told["description"]) == (made["id"], {"shop": "jakarta"}, "A book")


def test_pages_hold_everything_once_the_newest_first(stack: Stack):
    """Also where many were created at the same moment."""
    rows = [row(created_at=DAY + timedelta(seconds=n // 7)) for n in range(60)]
    store(stack, rows)
    found = list(pages(stack, 7))
    assert [len(page) for page in found] == [7] * 8 + [4]
    assert list(itertools.chain(*found)) == ids(rows)


def test_the_last_page_may_be_full(stack: Stack):
    store(stack, [row() for _ in range(14)])
    assert [len(page) for page in pages(stack, 7)] == [7, 7]


def test_a_walk_misses_and_repeats_nothing_while_others_write(stack: Stack):
    rows = [row(state="pending", created_at=DAY + timedelta(seconds=n)) for n in range(300)]
    store(stack, rows)
    stop = threading.Event()

    def write() -> None:
        while not stop.is_set():
            store(stack, [row(created_at=datetime.now(UTC)) for _ in range(3)])
            stack.rows(
                "update transactions set state = 'failed', updated_at = now() where id = %s", random.choice(rows)["id"]
            )

    writer = threading.Thread(target=write)
    writer.start()
    try:
        found = list(itertools.chain(*pages(stack, 10)))
    finally:
        stop.set()
        writer.join()
    assert len(found) == len(set(found))
    old = {str(r["id"]) for r in rows}
    assert [i for i in found if i in old] == ids(rows)


def test_since_is_included_and_until_is_not(stack: Stack):
    rows = [row(created_at=DAY + timedelta(microseconds=n)) for n in range(4)]
    store(stack, rows)
    first, last = (rows[n]["created_at"].isoformat() for n in (1, 3))
    assert list(pages(stack, since=first, until=last)) == [ids(rows[1:3])]
    assert list(pages(stack, since=last, until=first)) == [[]]


REFERENCES = ["order-1", "order-2", "%", "a=b&c"]
SHOPS = ["jakarta", "bandung", "=", "a=b"]


def a_row(chance: random.Random, number: int) -> dict[str, Any]:
    metadata = {"shop": chance.choice(SHOPS), "till": str(chance.randrange(3)), "a": "b"}
    return row(
        provider=chance.choice(["stripe", "xendit"]),
        order_reference=chance.choice(REFERENCES),
        state=chance.choice(list(State)).value,
        amount=chance.choice([1, 5, 5, 150_000, 10**12]),
        currency=chance.choice(["IDR", "USD", "USD"]),
        metadata={name: metadata[name] for name in chance.sample(sorted(metadata), chance.randrange(4))},
        created_at=DAY + timedelta(minutes=number // 3),
    )


def a_query(chance: random.Random) -> dict[str, str]:
    """Return any of the filters, with values that some, many or no rows have."""
    states = chance.sample([state.value for state in State], chance.choice([1, 1, 2, 4]))
    amounts: dict[str, str] = chance.choice(
        [
            {"amount": "5"},
            {"amount": "7"},
            {"amount_min": "5"},
            {"amount_max": "149999"},
            {"amount_min": "2", "amount_max": "4"},
        ]
    )
    choices: list[dict[str, str]] = [
        {"state": ",".join(states)},
        {"provider": chance.choice(["stripe", "xendit", "nobody"])},
        {"currency": chance.choice(["IDR", "USD", "EUR"])},
        {"order_reference": chance.choice([*REFERENCES, "nothing"])},
        amounts | {"currency": chance.choice(["IDR", "USD"])},
        {"metadata[shop]": chance.choice([*SHOPS, "nowhere"])},
        {"metadata[till]": "1", "metadata[a]": "b"},
        {"since": (DAY + timedelta(minutes=chance.randrange(140))).isoformat()},
        {"until": (DAY + timedelta(minutes=chance.randrange(140))).isoformat()},
    ]
    query: dict[str, str] = {}
    for choice in chance.sample(choices, chance.randrange(4)):
        query |= choice
    return query


def fits(row: dict[str, Any], query: dict[str, str]) -> bool:
    """What the filters mean, in the plainest words."""
    metadata = {name[9:-1]: value for name, value in query.items() if name.startswith("metadata[")}
    created = row["created_at"].isoformat()
    return (
        row["state"] in query.get("state", row["state"]).split(",")
        and all(row[name] == query.get(name, row[name]) for name in ("provider", "currency", "order_reference"))
        and row["amount"] == int(query.get("amount", row["amount"]))
        and int(query.get("amount_min", 0)) <= row["amount"] <= int(query.get("amount_max", 10**12))
        and metadata.items() <= row["metadata"].items()
        and query.get("since", "") <= created < query.get("until", "9")
    )


@pytest.mark.parametrize("few", [True, False], ids=["few candidates at a time", "as it is"])
def test_every_mix_of_filters_finds_what_it_says(stack: Stack, few: bool, monkeypatch: pytest.MonkeyPatch):
    """Compared with a plain search through all rows; another merchant's rows, which are alike, are never found."""
    if few:
        for name, value in (("_BATCH", 7), ("CHECKED_MAX", 14), ("_FEW_AMOUNTS", 20)):
            monkeypatch.setattr(listing, name, value)
    chance = random.Random(7)
    rows = [a_row(chance, n) for n in range(400)]
    store(stack, rows)
    store(stack, [a_row(chance, n) for n in range(400)], another_merchant(stack))
    found_some = 0
    for _ in range(150):
        query = a_query(chance)
        wanted = ids([row for row in rows if fits(row, query)])
        found = list(itertools.chain(*pages(stack, chance.choice([1, 5, 200]) if len(wanted) < 40 else 60, **query)))
        assert found == wanted, query
        found_some += bool(wanted)
    assert found_some > 60


@pytest.mark.parametrize("state", ["refunded", "disputed"])
def test_a_change_of_state_is_found_under_its_new_name(stack: Stack, state: str):
    rows = [row(), row()]
    store(stack, rows)
    dispute = "open" if state == "disputed" else None
    stack.rows("update transactions set state = %s, dispute = %s where id = %s", state, dispute, rows[0]["id"])
    assert list(pages(stack, state=state)) == [[str(rows[0]["id"])]]
    assert list(pages(stack, state="paid")) == [[str(rows[1]["id"])]]


def test_a_cursor_of_another_merchants_list_is_refused_like_any_wrong_one(stack: Stack):
    store(stack, [row() for _ in range(3)])
    cursor = stack.merchant("GET", "/v1/tx?limit=1").body["next_cursor"]
    stack.rows("update api_keys set merchant_id = %s", another_merchant(stack))
    theirs = stack.merchant("GET", f"/v1/tx?limit=1&cursor={cursor}")
    wrong = stack.merchant("GET", f"/v1/tx?limit=1&cursor={'A' * 43}")
    assert (theirs.status, [e["field"] for e in theirs.body["errors"]]) == (422, ["cursor"])
    assert theirs.body == wrong.body


def test_another_merchants_transactions_are_not_there(stack: Stack):
    store(stack, [row(metadata={"a": "b"})], another_merchant(stack))
    for query in ("", "order_reference=order-1", "metadata[a]=b", "amount=150000&currency=IDR", "state=paid"):
        assert stack.merchant("GET", f"/v1/tx?{query}").body == {"transactions": [], "next_cursor": None}
