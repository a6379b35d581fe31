"""The query of a merchant's list: what may be asked, and cursors that fit no other list."""

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paylink.core.errors import InvalidFields
from paylink.runtime.transaction_query import parse_transaction_query

MERCHANT = UUID(int=1)
ANY_FILTER = {
    "state": "paid,refunded",
    "provider": "stripe",
    "currency": "IDR",
    "order_reference": "order-1001",
    "amount_min": "1",
    "amount_max": "1000000000000",
    "metadata[shop]": "jakarta 1",
    "since": "2026-01-31",
    "until": "2026-02-01T12:00:00+07:00",
    "limit": "200",
}


def problems(**given: str) -> list[str]:
    with pytest.raises(InvalidFields) as refused:
        parse_transaction_query(MERCHANT, given)
    return [problem.field for problem in refused.value.fields]


def test_every_filter_is_read():
    wanted = parse_transaction_query(MERCHANT, ANY_FILTER).wanted
    assert (wanted.states, wanted.amount_max, wanted.metadata) == (("paid", "refunded"), 10**12, {"shop": "jakarta 1"})
    assert (wanted.since, wanted.until) == (datetime(2026, 1, 31, tzinfo=UTC), datetime(2026, 2, 1, 5, tzinfo=UTC))
    assert wanted.limit == 200


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("state", "payed"),
        ("state", "paid,"),
        ("state", ""),
        ("provider", "Stripe"),
        ("provider", "x" * 33),
        ("currency", "idr"),
        ("order_reference", "x" * 65),
        ("order_reference", "a\0b"),
        ("since", "yesterday"),
        ("since", "0001-01-01T00:00:00+14:00"),
        ("limit", "0"),
        ("limit", "201"),
        ("limit", "1.0"),
        ("limit", "\u0661"),
        ("limit", "9" * 5000),
        ("metadata[shop]", ""),
        ("metadata[shop]", "x" * 501),
        ("metadata[a b]", "x"),
        ("metadata", "x"),
        ("metadata[]", "x"),
        ("cursor", "x"),
        ("cursor", "A" * 43),
        ("cursor", "\u00e9"),
        ("offset", "10"),
    ],
)
def test_a_wrong_parameter_is_named(name: str, value: str):
    assert problems(**{name: value}) == [name]


@pytest.mark.parametrize("value", ["0", "-1", "1.5", "1000000000001", "", "1e3"])
@pytest.mark.parametrize("name", ["amount", "amount_min", "amount_max"])
def test_an_amount_is_a_whole_number_within_bounds(name: str, value: str):
    assert problems(**{name: value, "currency": "IDR"}) == [name]


def test_an_amount_needs_its_currency():
    assert problems(amount="1") == problems(amount_max="1") == ["currency"]


def test_an_amount_and_a_range_contradict_each_other():
    assert problems(amount="1", amount_min="1", currency="IDR") == ["amount_min"]


def test_only_so_much_metadata_is_looked_for():
    assert problems(**{f"metadata[{name}]": "x" for name in "abcd"}) == ["metadata"]


def test_all_that_is_wrong_is_told_at_once():
    assert problems(state="x", amount="1", colour="red", cursor="x") == ["colour", "state"]
    assert problems(amount="1", cursor="x") == ["currency", "cursor"]


@given(st.datetimes(timezones=st.just(UTC)), st.uuids())
def test_a_cursor_leads_back_to_its_place(created_at: datetime, transaction_id: UUID):
    query = parse_transaction_query(MERCHANT, ANY_FILTER)
    cursor = query.cursor((created_at, transaction_id))
    assert cursor is not None
    again = parse_transaction_query(MERCHANT, ANY_FILTER | {"cursor": cursor, "limit": "7"})
    assert (again.wanted.after, again.mark) == ((created_at, transaction_id), query.mark)


@pytest.mark.parametrize("name", [name for name in ANY_FILTER if name != "limit"])
def test_a_cursor_fits_no_list_of_other_filters(name: str):
    cursor = parse_transaction_query(MERCHANT, ANY_FILTER).cursor((datetime.now(UTC), uuid4()))
    assert cursor is not None
    others = {key: value for key, value in ANY_FILTER.items() if key != name} | {"cursor": cursor}
    assert "cursor" in problems(**others)


def test_a_cursor_fits_no_other_merchants_list():
    query = parse_transaction_query(UUID(int=2), {})
    cursor = query.cursor((datetime.now(UTC) - timedelta(days=1), uuid4()))
    assert cursor is not None
    assert problems(cursor=cursor) == ["cursor"]


@given(st.text(max_size=60))
def test_no_text_is_a_cursor_by_chance(text: str):
    assert problems(cursor=text) == ["cursor"]
