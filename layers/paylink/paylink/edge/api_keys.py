"""
API keys: `plm_<prefix>_<secret>` for merchants, `plo_...` for operators.

Shown once; stored is HMAC-SHA256 of the whole key under a pepper that is not in the database. The prefix finds the row.
"""

from dataclasses import dataclass
from uuid import UUID

import paycrypto
from paylink.core.api_key import MERCHANT, OPERATOR, has_way_in, hash_key, key_prefix
from paylink.core.errors import Forbidden, MerchantSuspended, Unauthenticated
from paylink.core.keyring import Keyring
from paylink.core.secret import Secret
from paylink.edge.key_use import KeyUse, UsedKey
from paylink.store.database import Database
from paylink.store.unit_of_work import Row

_HOW = "send the header `Authorization: Bearer <key>` with a whole key, such as plm_..."
_QUERIES = {MERCHANT: "find_api_key", OPERATOR: "find_operator_key"}


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


class ApiKeys:
    """`demo_keys` tells whether keys that were made for a demo (`plm_demo...`) are let in: never in production."""

    def __init__(self, database: Database, peppers: Keyring, use: KeyUse, *, demo_keys: bool) -> None:
        self._database = database
        self._peppers = peppers
        self._use = use
        self._demo_keys = demo_keys

    def authenticate(self, authorization: str | None) -> Caller:
        """
        Return the caller of an `Authorization: Bearer <key>` header.

        Raises:
            Unauthenticated: No key, or none that lives. The answer does not tell which.
            MerchantSuspended: The key is right, and its merchant is suspended.
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
        if row is None or not self._is_of(row, key, prefix):
            raise Unauthenticated("this key is not known, has expired or was revoked")
        self._note_use(row, key)
        if row["suspended"]:
            raise MerchantSuspended("this merchant is suspended: ask who operates this PayLink")
        return Caller(row["merchant_id"], frozenset(row["scopes"]), prefix)

    def _is_of(self, row: Row, key: Secret, prefix: str) -> bool:
        if not has_way_in(prefix, row["pepper_id"], self._peppers, demo_keys=self._demo_keys):
            return False
        return paycrypto.equal(hash_key(key, self._peppers.keys[row["pepper_id"]]), bytes(row["key_hash"]))

    def _note_use(self, row: Row, key: Secret) -> None:
        """A key whose hash was made under an older pepper gets one under the pepper in use."""
        active = self._peppers.active
        rehashed = None if row["pepper_id"] == active else hash_key(key, self._peppers.keys[active])
        self._use.note(UsedKey(row["id"], row["merchant_id"] is None, rehashed))
