"""Lists of events that are long: what one page costs, however many events there are and whoever has them."""

import itertools
import random
import uuid
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest

from paylink.store import event_listing
from paylink.store.event_listing import list_events
from paylink.store.operations import EventFilter
from paylink.store.unit_of_work import UnitOfWork
from support.plans import Explaining
from support.stack import Stack
from support.tenants import Tenant, ask, make_account, make_tenant

STATES = ("in_flight", "applied", "ignored", "parked", "dead")
FILL = """
with e as (
    insert into webhook_events (id, account_id, event_id, credential_id, assurance, state, reason, received_at)
    select (lpad(to_hex((extract(epoch from now()) * 1000)::bigint), 12, '0') || '7' || lpad(to_hex(n), 19, '0'))::uuid,
           (%(accounts)s::uuid[])[1 + n %% cardinality(%(accounts)s::uuid[])], 'evt_' || n, c.id, 'body', s.state,
           case s.state when 'applied' then null when 'in_flight' then null else 'reason_' || n %% 3 end, now()
      from generate_series(%(first)s::int, %(last)s::int) n,
           lateral (select (%(states)s::text[])[1 + n / 2 %% cardinality(%(states)s::text[])] as state) s,
           lateral (select id from account_credentials where field = 'webhook_secret' limit 1) c
    returning id, account_id, state)
insert into unfinished_events (event_row_id, account_id, received_at, next_attempt_at, parked_until)
select id, account_id, now(), case when state = 'in_flight' then now() end, case when state = 'parked' then now() end
  from e where state in ('in_flight', 'parked', 'dead')"""


@pytest.fixture
def other(stack: Stack) -> Iterator[Tenant]:
    yield make_tenant(stack, "Other")
    # The fixture's accounting counts the rows of these tests as lost.
    stack.rows("delete from unfinished_events")
    stack.rows("delete from webhook_events")


def fill(stack: Stack, accounts: list[uuid.UUID], first: int, last: int, *states: str) -> None:
    given = {"accounts": [str(a) for a in accounts], "first": first, "last": last, "states": list(states)}
    stack.deps.database.run(lambda uow: _run(uow, given))
    for table in ("webhook_events", "unfinished_events"):
        stack.rows(f"vacuum analyze {table}")


def _run(uow: UnitOfWork, given: dict[str, Any]) -> None:
    with uow._connection.cursor() as cursor:
        cursor.execute(FILL, given)


def buffers(stack: Stack, wanted: EventFilter) -> int:
    """Return how many pages of the database one page of the list reads."""

    def work(uow: UnitOfWork) -> int:
        explaining = Explaining(uow)
        list_events(explaining, wanted)
        return explaining.buffers

    return stack.deps.database.run(work)


def pages(stack: Stack, key: str, **query: Any) -> Iterator[list[str]]:
    """Give the event ids of each page in turn."""
    while True:
        body = ask(stack, key, "GET", f"/v1/events?{urlencode(query)}").body
        yield [event["event_id"] for event in body["events"]]
        if body["next_cursor"] is None:
            return
        query["cursor"] = body["next_cursor"]


NARROWED: list[dict[str, Any]] = [
    {},
    *({"state": state} for state in STATES),
    {"state": "parked", "reason": "reason_1"},
    {"event_id": "evt_7"},
    {"account": "second"},
    {"transaction_id": uuid.UUID(int=7)},
]


@pytest.mark.parametrize("narrowed", NARROWED, ids=str)
def test_a_merchants_list_reads_its_own_part_of_the_table_only(stack: Stack, other: Tenant, narrowed: dict[str, Any]):
    """However many events others have, and in whatever state: 20,000 of another do not show in what is read."""
    account = stack.rows("select id, merchant_id from provider_accounts where provider = 'stripe' and name = 'default'")
    before = buffers(stack, EventFilter(merchant_id=other.id, **narrowed))
    fill(stack, [account[0]["id"]], 1, 20_000, *STATES)
    if "transaction_id" in narrowed:
        stack.rows("insert into transaction_events select %s, id from webhook_events", str(narrowed["transaction_id"]))
    assert buffers(stack, EventFilter(merchant_id=other.id, **narrowed)) <= before + 10


@pytest.mark.parametrize(
    "narrowed", [{"reason": "nothing"}, {"state": "ignored"}, {"state": "dead", "reason": "nothing"}], ids=str
)
@pytest.mark.parametrize("whose", ["a merchant's", "an operator's"])
def test_a_page_looks_at_no_more_than_a_part_of_very_many_events(
    stack: Stack, other: Tenant, narrowed: dict[str, Any], whose: str
):
    """It comes out short then, and has a next one."""
    fill(stack, [other.account_id], 1, 40_000, "applied", "dead")
    merchant_id = other.id if whose == "a merchant's" else None
    wanted = EventFilter(merchant_id=merchant_id, **narrowed)
    found, cursor = stack.deps.database.run(lambda uow: list_events(uow, wanted))
    assert (found, cursor is None) == ([], False)
    assert buffers(stack, wanted) < 4 * event_listing.CHECKED_MAX


def test_what_has_an_index_is_found_at_once_behind_very_many_events(stack: Stack, other: Tenant):
    fill(stack, [other.account_id], 1, 1, "dead")
    fill(stack, [other.account_id], 3, 3, "parked")
    fill(stack, [other.account_id], 10, 7_000, "applied", "in_flight")
    operator = stack.environ["PAYLINK_DEMO_OPERATOR_KEY"]
    for key in (other.key, operator):
        assert list(pages(stack, key, state="dead")) == [["evt_1"]]
        assert list(pages(stack, key, state="parked", limit=1)) == [["evt_3"]]
        assert list(pages(stack, key, event_id="evt_3")) == [["evt_3"]]


@pytest.mark.parametrize("few", [True, False], ids=["few candidates at a time", "as it is"])
def test_every_mix_of_filters_finds_what_it_says(
    stack: Stack, other: Tenant, few: bool, monkeypatch: pytest.MonkeyPatch
):
    """Compared with a plain search through all rows, for a merchant and for an operator."""
    if few:
        monkeypatch.setattr(event_listing, "_BATCH", 7)
        monkeypatch.setattr(event_listing, "CHECKED_MAX", 14)
    demo = stack.rows("select id from provider_accounts where provider = 'stripe' and name = 'default'")[0]["id"]
    second = make_account(stack, other.id, "second", {"secret_key": "sk_test_x", "webhook_secret": "whsec_second"})
    fill(stack, [demo, other.account_id, second], 1, 200, *STATES)
    rows = stack.rows("select v.*, v.merchant_id = %s as own from event_overview v order by id desc", str(other.id))
    chance = random.Random(7)
    choices = [
        {"state": STATES},
        {"reason": ("reason_0", "reason_1", "nothing")},
        {"provider": ("stripe", "xendit")},
        {"account": ("second", "other", "default")},
        {"event_id": ("evt_1", "evt_50", "evt_none")},
    ]
    found_some = 0
    for number in range(120):
        query = {
            name: chance.choice(values)
            for choice in chance.sample(choices, chance.randrange(4))
            for name, values in choice.items()
        }
        operator = number % 2 == 0
        key = stack.environ["PAYLINK_DEMO_OPERATOR_KEY"] if operator else other.key
        fits = [
            r["event_id"]
            for r in rows
            if (operator or r["own"]) and all(r[name] == value for name, value in query.items())
        ]
        found = list(itertools.chain(*pages(stack, key, limit=chance.choice([20, 200]), **query)))
        assert found == fits, (query, operator)
        found_some += bool(fits)
    assert found_some > 50
