"""API keys as rows: those of merchants, and those of operators in a table of their own."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from paylink.core.api_key import MERCHANT, hash_key, key_prefix
from paylink.core.keyring import Keyring
from paylink.core.secret import Secret
from paylink.store.ids import new_id
from paylink.store.unit_of_work import UnitOfWork


def store_key(
    uow: UnitOfWork,
    key: Secret,
    peppers: Keyring,
    scopes: Sequence[str],
    merchant_id: UUID | None,
    *,
    name: str = "",
    expires_at: datetime | None = None,
) -> UUID | None:
    """
    Store a key and return its id; None when its prefix is taken. Without a merchant it is an operator's.

    Raises:
        ValueError: It has not the form of a key, or the prefix is not that of its kind.
    """
    prefix = key_prefix(key)
    if prefix.startswith(MERCHANT) != (merchant_id is not None):
        raise ValueError("a merchant's key begins with plm_, an operator's with plo_")
    key_id = new_id()
    columns: dict[str, Any] = {
        "id": key_id,
        "prefix": prefix,
        "key_hash": hash_key(key, peppers.keys[peppers.active]),
        "pepper_id": peppers.active,
        "name": name,
        "scopes": list(scopes),
        "expires_at": expires_at,
    }
    if merchant_id is None:
        stored = uow.run("insert_operator_key", **columns)
    else:
        stored = uow.run("insert_api_key", merchant_id=merchant_id, **columns)
    return key_id if stored else None
