"""Identifiers: UUIDv7, so that rows lie in the order in which they came."""

from datetime import datetime
from uuid import UUID

from uuid_utils.compat import uuid7

LEAST_ID = UUID(int=0)
GREATEST_ID = UUID(int=2**128 - 1)


def new_id() -> UUID:
    return uuid7()


def least_id_at(moment: datetime, later_s: int = 0) -> UUID:
    """Return an id that sorts before every one that is made at this moment, or so many seconds later, and after it."""
    return UUID(int=max(0, int((moment.timestamp() + later_s) * 1000)) << 80)
