"""Parameters of many values arrive in Postgres as they are, whatever they hold."""

import uuid
from collections.abc import Iterator

import psycopg2
import psycopg2.extensions
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paylink.store.arrays import boolean_array, bytea_array, integer_array, text_array, uuid_array

TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
HARD_TEXTS = (
    TEXTS | st.text("\\\"{},()NUL \n\t'") | st.sampled_from(["", "null", "NULL", '"', "\\", "{}", '\\"', "a,b"])
)
BIGINTS = st.integers(-(2**63), 2**63 - 1)
ROWS = st.tuples(st.uuids() | st.none(), HARD_TEXTS | st.none(), st.binary(max_size=64), st.booleans(), BIGINTS)


@pytest.fixture(scope="module")
def cursor(services: dict[str, str]) -> Iterator[psycopg2.extensions.cursor]:
    connection = psycopg2.connect(services["PAYLINK_DATABASE_URL"])
    yield connection.cursor()
    connection.close()


@settings(max_examples=200, deadline=None)
@given(rows=st.lists(ROWS, max_size=12))
def test_arrays_arrive_as_they_are(
    cursor: psycopg2.extensions.cursor, rows: list[tuple[uuid.UUID | None, str | None, bytes, bool, int]]
):
    cursor.execute(
        "select * from unnest(%s::uuid[], %s::text[], %s::bytea[], %s::boolean[], %s::bigint[])"
        "  as t (id, name, body, is_first, amount)",
        (
            uuid_array(row[0] for row in rows),
            text_array(row[1] for row in rows),
            bytea_array(row[2] for row in rows),
            boolean_array(row[3] for row in rows),
            integer_array(row[4] for row in rows),
        ),
    )
    assert [(id, name, bytes(body), *rest) for id, name, body, *rest in cursor.fetchall()] == rows
