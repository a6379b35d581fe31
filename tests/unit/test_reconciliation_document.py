"""docs/reconciliation.md tells of every kind of discrepancy, and of every way in which one ends."""

import re

from paylink.core.discrepancies import Kind, Resolution
from support.stack import REPOSITORY

DOCUMENT = (REPOSITORY / "docs" / "reconciliation.md").read_text()


def rows_under(header: str) -> set[str]:
    """Return the first cell of each row of the table that begins with this header."""
    table = DOCUMENT[DOCUMENT.index(header) :].split("\n\n")[0]
    return set(re.findall(r"^\| `([a-z_]+)` \|", table, re.M))


def test_every_kind_has_its_meaning_and_what_is_done_about_it():
    kinds = {str(kind) for kind in Kind}
    assert rows_under("| Kind | Found in lines when") == kinds
    assert rows_under("| Kind | Usual cause") == kinds


def test_every_resolution_is_told():
    assert rows_under("| It is resolved as") == {str(resolution) for resolution in Resolution}
