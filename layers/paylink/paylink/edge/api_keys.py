"""
API keys: `plm_<prefix>_<secret>` for merchants, `plo_...` for operators.

Shown once; stored is HMAC-SHA256 of the whole key under a pepper that is not in the database. The prefix finds the row.
"""

import hashlib
import hmac
import re
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import paycrypto
from paylink.core.errors import Forbidden, Unauthenticated
from paylink.core.keyring import Keyring
from paylink.core.secret import Secret
from paylink.store.database import Database
from paylink.store.ids import new_id
from paylink.store.unit_of_work import UnitOfWork

MERCHANT_SCOPES = ("checkout:write", "tx:read", "reconcile:write")
OPERATOR_SCOPES = ("metrics:read", "events:read", "events:write")

_KEY = re.compile(r"(pl[mo]_[a-z0-9]{12})_[A-Za-z0-9]{32,64}\Z", re.ASCII)
_HOW = "send the header `Authorization: Bearer <key>` with a whole key, such as plm_..."
_QUERIES = {"plm": "find_api_key", "plo": "find_operator_key"}


@dataclass(frozen=True)
class Caller:
    """Who calls. `merchant_id` is None for an operator; `key_prefix` is the key's readable part."""

    merchant_id: UUID | None
    scopes: frozenset[str]
    key_prefix: str

    def require(self, scope: str) -> None:
        """
        Raises:
            Forbidden: The key lacks the scope.
        """
        if scope not in self.scopes:
            raise Forbidden(f"this key lacks the scope {scope}")

    def merchant(self) -> UUID:
        """
        Raises:
            Forbidden: An operator's key on a merchant's route.
        """
        if self.merchant_id is None:
            raise Forbidden("this route belongs to merchants; an operator's key has none")
        return self.merchant_id

    def require_operator(self, scope: str) -> None:
        """
        Raises:
            Forbidden: A merchant's key, or the key lacks the scope.
        """
        if self.merchant_id is not None:
            raise Forbidden("this route belongs to operators")
        self.require(scope)


def key_prefix(key: Secret) -> str:
    """
    Return the readable part of a key.

    Raises:
        ValueError: It has not the form of a key.
    """
    match = _KEY.match(key.reveal())
    if match is None:
        raise ValueError("an API key reads plm_ or plo_, 12 letters or digits, _ and 32 to 64 letters or digits")
    return match[1]


def hash_key(key: Secret, pepper: bytes) -> bytes:
    return hmac.digest(pepper, key.reveal().encode(), hashlib.sha256)


class ApiKeys:
    """`demo_keys` tells whether keys that were made for a demo (`plm_demo...`) are let in: never in production."""

    def __init__(self, database: Database, peppers: Keyring, *, demo_keys: bool) -> None:
        self._database = database
        self._peppers = peppers
        self._demo_keys = demo_keys

    def authenticate(self, authorization: str | None) -> Caller:
        """
        Return the caller of an `Authorization: Bearer <key>` header.

        Raises:
            Unauthenticated: No key, or none that lives. The answer does not tell which.
            StorageUnavailable: The database cannot answer.
        """
        scheme, _, text = (authorization or "").partition(" ")
        key = Secret(text.strip())
        try:
            prefix = key_prefix(key)
        except ValueError as exc:
            raise Unauthenticated(_HOW) from exc
        if scheme.lower() != "bearer":
            raise Unauthenticated(_HOW)
        row = self._database.run(lambda uow: uow.first(_QUERIES[prefix[:3]], prefix=prefix))
        pepper = self._peppers.keys.get(row["pepper_id"]) if row else None
        if prefix[4:].startswith("demo") and not self._demo_keys:
            row = None
        if row is None or pepper is None or not paycrypto.equal(hash_key(key, pepper), bytes(row["key_hash"])):
            raise Unauthenticated("this key is not known, has expired or was revoked")
        return Caller(row.get("merchant_id"), frozenset(row["scopes"]), prefix)


def store_key(uow: UnitOfWork, key: Secret, peppers: Keyring, scopes: Sequence[str], merchant_id: UUID | None) -> None:
    """
    Store a key that was made elsewhere, once. Without a merchant it is an operator's.

    Raises:
        ValueError: It has not the form of a key, or the prefix is not that of its kind.
    """
    prefix = key_prefix(key)
    if prefix.startswith("plm_") != (merchant_id is not None):
        raise ValueError("a merchant's key begins with plm_, an operator's with plo_")
    columns = {
        "id": new_id(),
        "prefix": prefix,
        "key_hash": hash_key(key, peppers.keys[peppers.active]),
        "pepper_id": peppers.active,
        "scopes": list(scopes),
    }
    if merchant_id is None:
        uow.run("insert_operator_key", **columns)
    else:
        uow.run("insert_api_key", merchant_id=merchant_id, **columns)
