"""docs/architecture.md draws what the code has: the states' edges, the tables, the tests that it leans on."""

import re

from paylink.core import states
from support.stack import REPOSITORY

DOCUMENT = (REPOSITORY / "docs" / "architecture.md").read_text()
MIGRATIONS = "".join(file.read_text() for file in sorted((REPOSITORY / "sql" / "migrations").glob("*.sql")))


def test_the_states_have_the_edges_of_the_state_machine():
    drawn = re.findall(r"^    ([a-z_]+) --> ([a-z_]+)$", DOCUMENT, re.M)
    assert sorted(drawn) == sorted((old.value, new.value) for old in states._ALLOWED for new in states._ALLOWED[old])


def test_every_table_is_told():
    section = DOCUMENT[DOCUMENT.index("## The data") : DOCUMENT.index("## Why it is so")]
    listed = {name for row in re.findall(r"^\| (`.+?) \|", section, re.M) for name in re.findall(r"`([a-z_]+)`", row)}
    tables = set(re.findall(r"^create table ([a-z_]+) \(", MIGRATIONS, re.M))
    assert listed == tables
    drawn = re.findall(r"^    ([a-z_]+) [|o}]{2}--[|o{]{2} ([a-z_]+) : ", section, re.M)
    assert {name for pair in drawn for name in pair} <= tables


def test_every_constraint_and_test_that_it_names_exists():
    section = DOCUMENT[DOCUMENT.index("## The promises") : DOCUMENT.index("## The parts")]
    assert all((REPOSITORY / name).exists() for name in re.findall(r"`(tests/[^`]+)`", section))
    assert all(name in MIGRATIONS for name in ("attempts_one_open", "transactions_money_has_state"))


def test_decisions_are_numbered_once():
    numbers = [file.name[:4] for file in sorted((REPOSITORY / "docs" / "adr").glob("*.md"))]
    assert numbers == [f"{number:04}" for number in range(1, len(numbers) + 1)]
