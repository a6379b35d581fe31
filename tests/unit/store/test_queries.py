"""Named SQL: every query is found, and none stands twice."""

import re
from pathlib import Path

import pytest

from paylink.runtime.settings import default_sql_dir
from paylink.store.migrations import MigrationError, load_migrations
from paylink.store.queries import load_queries
from support.stack import REPOSITORY

LAYER = REPOSITORY / "layers" / "paylink" / "paylink"


def test_every_query_is_used_and_every_used_query_exists():
    known = set(load_queries(default_sql_dir() / "queries"))
    code = "".join(file.read_text() for root in (LAYER, REPOSITORY / "functions") for file in root.rglob("*.py"))
    used = set(re.findall(r"\.(?:run|all|one|first)\(\s*\"([a-z_]+)\"", code))
    named = {name for name in known if f'"{name}"' in code}
    assert used <= known
    assert named == known


@pytest.mark.parametrize(
    "text", ["select 1;", "-- a --\nselect 1;\n-- a --\nselect 2;", ""], ids=["no name", "twice", "nothing"]
)
def test_a_file_that_is_not_named_sql_is_refused(tmp_path: Path, text: str):
    (tmp_path / "x.sql").write_text(text)
    with pytest.raises(ValueError, match=r"SQL before|stands twice|no queries"):
        load_queries(tmp_path)


@pytest.mark.parametrize("names", [["0002_a.sql"], ["0001_a.sql", "0001_b.sql"], ["1_a.sql"], ["0001_A.sql"]])
def test_migrations_are_numbered_without_a_gap(tmp_path: Path, names: list[str]):
    for name in names:
        (tmp_path / name).write_text("select 1;")
    with pytest.raises(MigrationError):
        load_migrations(tmp_path)
