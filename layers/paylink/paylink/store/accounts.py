"""Provider accounts with unsealed credentials, kept in memory for a minute, and for an hour while Postgres is away."""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from paylink.core.errors import StorageUnavailable
from paylink.providers.port import Account, Credential
from paylink.store.account_names import AWAY_S, FRESH_S, STALE_S, AccountNames
from paylink.store.database import Database
from paylink.store.sealing import CannotUnseal, Place, Sealer
from paylink.store.unit_of_work import Row, UnitOfWork

REREAD_S = 1.0
_CACHED_MAX = 10_000


@dataclass(frozen=True)
class _Cached:
    account: Account
    at: float


class Accounts:
    """Safe to share between threads."""

    def __init__(self, database: Database, sealer: Sealer, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._database = database
        self._sealer = sealer
        self._monotonic = monotonic
        self._names = AccountNames(database, monotonic)
        self._lock = threading.Lock()
        self._cache: dict[tuple[str, ...], _Cached] = {}
        self._reread_at: dict[UUID, float] = {}
        self._reading: set[tuple[str, ...]] = set()
        self._away_until = 0.0

    def for_webhook(self, provider: str, name: str | None, *, deadline_s: float) -> Account | None:
        """
        Return the account that `/v1/webhook/{provider}[/{name}]` stands for, or None.

        Raises:
            StorageUnavailable: It is not in memory and the database cannot answer.
        """
        account_id = self._names.find(provider, name, deadline_s=deadline_s)
        if account_id is None:
            return None
        return self._cached(("id", str(account_id)), "read_account", deadline_s, FRESH_S, id=account_id)

    def of_merchant(self, merchant_id: UUID, provider: str) -> Account | None:
        """Return the account that a merchant's new checkouts at a provider use, or None."""
        key = ("merchant", str(merchant_id), provider)
        ids = {"merchant_id": merchant_id, "provider": provider}
        return self._cached(key, "find_merchant_account", 5.0, FRESH_S, each_reads=True, **ids)

    def reread(self, account: Account, *, deadline_s: float) -> Account:
        """
        Return an account as it is now, read at most a second ago; as given when the database cannot answer, or when
        another thread is just reading it.
        """
        with self._lock:
            now = self._monotonic()
            if now - self._reread_at.get(account.id, -REREAD_S) < REREAD_S:
                known = self._cache.get(("id", str(account.id)))
                return known.account if known else account
            if len(self._reread_at) >= _CACHED_MAX:
                self._reread_at.clear()
            self._reread_at[account.id] = now
        try:
            read = self._cached(("id", str(account.id)), "read_account", deadline_s, REREAD_S, id=account.id)
        except StorageUnavailable:
            return account
        return read or account

    def get(self, account_id: UUID) -> Account:
        """
        Raises:
            LookupError: There is no such account.
        """
        account = self._cached(("id", str(account_id)), "read_account", 5.0, FRESH_S, id=account_id)
        if account is None:
            raise LookupError(f"no account {account_id}")
        return account

    def _cached(
        self,
        key: tuple[str, ...],
        query: str,
        deadline_s: float,
        fresh_s: float,
        *,
        each_reads: bool = False,
        **parameters: Any,
    ) -> Account | None:
        """each_reads: an account may have been disabled since, and after a long pause many ask at the same moment."""
        known = self._cache.get(key)
        age_s = self._monotonic() - known.at if known else STALE_S
        if known is not None and (age_s < fresh_s or (age_s < STALE_S and self._monotonic() < self._away_until)):
            return known.account
        usable = known if known is not None and age_s < STALE_S else None
        if usable is None:
            return self._refresh(key, query, deadline_s, parameters)
        # One thread reads; who has an answer that will do does not wait for it.
        with self._lock:
            if key in self._reading and not each_reads:
                return usable.account
            self._reading.add(key)
        try:
            return self._refresh(key, query, deadline_s, parameters)
        except StorageUnavailable:
            return usable.account
        finally:
            with self._lock:
                self._reading.discard(key)

    def _refresh(
        self, key: tuple[str, ...], query: str, deadline_s: float, parameters: dict[str, Any]
    ) -> Account | None:
        try:
            account = self._database.run(lambda uow: self._read(uow, query, parameters), deadline_s=deadline_s)
        except StorageUnavailable:
            self._away_until = self._monotonic() + AWAY_S
            raise
        with self._lock:
            if account is None:
                # Not kept, for a new account must work at once; and nobody goes on with what it was.
                self._cache.pop(key, None)
            else:
                if len(self._cache) >= _CACHED_MAX:
                    self._cache.clear()
                self._cache[key] = _Cached(account, self._monotonic())
        return account

    def _read(self, uow: UnitOfWork, query: str, parameters: dict[str, Any]) -> Account | None:
        row = uow.first(query, **parameters)
        if row is None:
            return None
        credentials = uow.all("list_live_credentials", account_id=row["id"])
        return Account(
            id=row["id"],
            merchant_id=row["merchant_id"],
            provider=row["provider"],
            name=row["name"],
            credentials=tuple(filter(None, (self._unseal(row, credential) for credential in credentials))),
        )

    def _unseal(self, account: Row, credential: Row) -> Credential | None:
        """One that does not open is left out and told of: the others may still do."""
        place = Place(account["merchant_id"], account["id"], credential["field"])
        try:
            secret = self._sealer.unseal(bytes(credential["sealed"]), credential["master_key_id"], place)
        except CannotUnseal as exc:
            facts = {"account_id": str(account["id"]), "credential_id": str(credential["id"]), "error": str(exc)}
            logging.getLogger("paylink").error("a credential is left out", extra=facts)
            return None
        return Credential(credential["id"], credential["field"], secret)
