"""Routing rules as they are stored, and kept in memory for a moment."""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import psycopg2.errors
from psycopg2.extras import Json

from paylink.core.errors import RoutingChanged
from paylink.core.routing import Rule, Target
from paylink.store.database import Database
from paylink.store.unit_of_work import UnitOfWork

FRESH_S = 5.0
"""How long a change may take until every process goes by it."""
_CACHED_MAX = 10_000


@dataclass(frozen=True)
class Routing:
    """
    A merchant's newest rules; version 0 stands for none yet.

    `accounts` are those that its checkouts may use, `defaults` those of them that they use without rules: one of each
    provider, the oldest first.
    """

    merchant_id: UUID
    merchant: str
    version: int
    rules: tuple[Rule, ...]
    accounts: frozenset[UUID]
    defaults: tuple[UUID, ...]
    changed_by: str | None
    changed_at: datetime | None


def read_routing(uow: UnitOfWork, merchant_id: UUID) -> Routing | None:
    """None: there is no such merchant."""
    row = uow.first("read_routing", merchant_id=merchant_id)
    if row is None:
        return None
    rules = tuple(_rule(stored) for stored in row["rules"])
    read = {"rules": rules, "accounts": frozenset(row["accounts"]), "defaults": tuple(row["defaults"])}
    return Routing(**(row | read))


def write_routing(
    uow: UnitOfWork, merchant_id: UUID, rules: Sequence[Rule], *, after: int | None, changed_by: str
) -> int:
    """
    Store rules in place of all that there were, and return their version.

    Raises:
        RoutingChanged: The version before is another than `after`, or another change is just being made.
    """
    stored = Json([_stored(rule) for rule in rules])
    try:
        row = uow.one("insert_routing", merchant_id=merchant_id, rules=stored, changed_by=changed_by)
    except psycopg2.errors.UniqueViolation as exc:
        raise RoutingChanged("another change was made at the same time") from exc
    version = int(row["version"])
    if after is not None and version != after + 1:
        raise RoutingChanged(f"it is at version {version - 1} by now, not {after}")
    return version


def _stored(rule: Rule) -> dict[str, Any]:
    return {
        "currency": rule.currency,
        "amount_min": rule.amount_min,
        "amount_max": rule.amount_max,
        "payment_methods": sorted(rule.payment_methods),
        "accounts": [{"id": str(target.account_id), "weight": target.weight} for target in rule.targets],
    }


def _rule(stored: dict[str, Any]) -> Rule:
    return Rule(
        targets=tuple(Target(UUID(account["id"]), account["weight"]) for account in stored["accounts"]),
        currency=stored["currency"],
        amount_min=stored["amount_min"],
        amount_max=stored["amount_max"],
        payment_methods=frozenset(stored["payment_methods"]),
    )


class Routings:
    """Reads a merchant's routing at most every 5 seconds. Safe to share between threads."""

    def __init__(self, database: Database, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._database = database
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._cache: dict[UUID, tuple[Routing, float]] = {}

    def of(self, merchant_id: UUID) -> Routing:
        """
        Raises:
            LookupError: There is no such merchant.
            StorageUnavailable: It is not in memory and the database cannot answer.
        """
        known = self._cache.get(merchant_id)
        if known is not None and self._monotonic() - known[1] < FRESH_S:
            return known[0]
        routing = self._database.run(lambda uow: read_routing(uow, merchant_id), one_statement=True)
        if routing is None:
            raise LookupError(f"no merchant {merchant_id}")
        with self._lock:
            if len(self._cache) >= _CACHED_MAX:
                self._cache.clear()
            self._cache[merchant_id] = (routing, self._monotonic())
        return routing
