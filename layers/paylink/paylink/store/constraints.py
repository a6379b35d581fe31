"""Violated constraints as errors of ours, by the constraint's name."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from psycopg2 import errors

from paylink.core.errors import NameTaken


@contextmanager
def unique_names(details: Mapping[str, str]) -> Iterator[None]:
    """
    Run a statement under unique constraints, each with what is told of its violation.

    Raises:
        NameTaken: One is violated; the transaction must end with it.
    """
    try:
        yield
    except errors.UniqueViolation as exc:
        detail = details.get(exc.diag.constraint_name or "")
        if detail is None:
            raise
        raise NameTaken(detail) from exc
