"""What the tests of settlement lines and discrepancies share."""

from collections.abc import Iterator

import pytest

from paylink.core.secret import Secret
from paylink.runtime.settings import default_sql_dir
from paylink.store.database import Database
from paylink.store.queries import load_queries
from support.books import Books


@pytest.fixture
def books(database_url: str) -> Iterator[Books]:
    """An account of an invented provider, with nothing in its books yet."""
    database = Database(Secret(database_url), load_queries(default_sql_dir() / "queries"))
    yield Books(database)
    database.close()
