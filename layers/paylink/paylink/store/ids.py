"""Identifiers: UUIDv7, so that rows lie in the order in which they came."""

from uuid import UUID

from uuid_utils.compat import uuid7


def new_id() -> UUID:
    return uuid7()
