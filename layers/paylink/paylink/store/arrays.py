"""
Arrays as Postgres writes them, for parameters of many values.

psycopg2 adapts a list value by value; that takes longer than the statement itself.
"""

from collections.abc import Iterable
from uuid import UUID


def uuid_array(values: Iterable[UUID | None]) -> str:
    """Return the text of a `uuid[]`."""
    return "{" + ",".join(["null" if value is None else value.hex for value in values]) + "}"


def text_array(values: Iterable[str | None]) -> str:
    """Return the text of a `text[]`, or of an array of what is written as text."""
    return "{" + ",".join(["null" if value is None else _quoted(value) for value in values]) + "}"


def _quoted(value: str) -> str:
    return '"' + value.replace("\\", r"\\").replace('"', r"\"") + '"'


def integer_array(values: Iterable[int]) -> str:
    """Return the text of an array of integers of any size."""
    return "{" + ",".join([str(value) for value in values]) + "}"


def boolean_array(values: Iterable[bool]) -> str:
    """Return the text of a `boolean[]`."""
    return "{" + ",".join(["t" if value else "f" for value in values]) + "}"


def bytea_array(values: Iterable[bytes]) -> str:
    """Return the text of a `bytea[]`."""
    return "{" + ",".join(['"\\\\x' + value.hex() + '"' for value in values]) + "}"
