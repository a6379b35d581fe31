"""API keys: made, rotated and revoked by operators. A key itself is told once, when it is made."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from paylink.core.api_key import MERCHANT, MERCHANT_SCOPES, OPERATOR, OPERATOR_SCOPES, has_way_in, make_key
from paylink.core.errors import FieldProblem, Forbidden, InvalidFields, KeyEnded, LastOperatorKey, NotFound
from paylink.core.keyring import Keyring
from paylink.core.secret import Secret
from paylink.services.operator import Created, Operator, create_once
from paylink.services.ports import utc_now
from paylink.services.times import iso
from paylink.store.audit import write_audit
from paylink.store.database import Database
from paylink.store.keys import store_key
from paylink.store.operator_requests import OnceKey
from paylink.store.pages import Page, read_page
from paylink.store.unit_of_work import Row, UnitOfWork

OVERLAP_HOURS = 24
OVERLAP_HOURS_MAX = 30 * 24
LIFE_MAX = timedelta(days=10 * 365)
"""Of a key that expires."""
KEY_STATES = ("live", "expired", "revoked")
MAKES_KEYS = "merchants:write"

_FILTERS = ("id", "merchant_id", "operator", "state", "pepper")


@dataclass(frozen=True)
class NewKey:
    """A key to be made; without a merchant, an operator's."""

    merchant_id: UUID | None
    name: str
    scopes: Sequence[str]
    expires_at: datetime | None = None


@dataclass(frozen=True)
class IssuedKey:
    """`secret` is the key itself; None when it was told before, to an earlier request with the same Idempotency-Key."""

    created: Created
    secret: Secret | None


class Keys:
    """Each method raises StorageUnavailable when the database cannot answer."""

    def __init__(
        self, database: Database, peppers: Keyring, *, demo_keys: bool, now: Callable[[], datetime] = utc_now
    ) -> None:
        """demo_keys: whether the door lets keys in that were made for a demo."""
        self._database = database
        self._peppers = peppers
        self._demo_keys = demo_keys
        self._now = now

    def list_keys(self, page: Page) -> dict[str, Any]:
        rows, cursor = self._database.run(lambda uow: read_page(uow, "list_keys", _FILTERS, page))
        return {"keys": [self._body(row) for row in rows], "next_cursor": str(cursor) if cursor else None}

    def show(self, key_id: UUID) -> dict[str, Any]:
        """
        Raises:
            NotFound: There is none.
        """
        return self._database.run(lambda uow: self._body(_read(uow, key_id)))

    def create(self, wanted: NewKey, by: Operator, once: OnceKey | None = None) -> IssuedKey:
        """
        Raises:
            InvalidFields: There is no such merchant, a scope is not of this kind of key, or the expiry has passed or is
                more than ten years away.
            Forbidden: An operator's key gets no scope that `by` has not.
            IdempotencyKeyReused: The key stands for another request.
        """
        _check(wanted, by, self._now())
        told: list[Secret] = []

        def create(uow: UnitOfWork) -> dict[str, Any]:
            if wanted.merchant_id is not None and uow.first("lock_merchant", id=wanted.merchant_id) is None:
                raise InvalidFields(fields=[FieldProblem("merchant_id", "there is no such merchant")])
            told[:], key_id = self._issue(uow, wanted)
            row = _read(uow, key_id)
            _note(uow, "key.created", by, row, scopes=list(wanted.scopes), expires_at=iso(wanted.expires_at))
            return self._body(row)

        created = create_once(self._database, once, create)
        return IssuedKey(created, None if created.replayed else told[0])

    def rotate(self, key_id: UUID, by: Operator, *, overlap_hours: int, once: OnceKey | None = None) -> IssuedKey:
        """
        Make a successor with the same name and scopes; the old key lives for so many hours more. A successor of a key
        that expires lives as long from now on as the old one was meant to, ten years at most.

        Raises:
            NotFound: There is none.
            KeyEnded: It does not live any more, or has a successor already.
            Forbidden: It is an operator's and has a scope that `by` has not.
            IdempotencyKeyReused: The key stands for another request.
        """
        told: list[Secret] = []

        def create(uow: UnitOfWork) -> dict[str, Any]:
            uow.first("lock_api_key", id=key_id)
            old = _read(uow, key_id)
            if old["successor_id"] is not None:
                raise KeyEnded(f"it was rotated before; its successor is {old['successor_id']}")
            if old["state"] != "live":
                raise KeyEnded(f"it is {old['state']}; make a new key")
            now = self._now()
            life = min(old["expires_at"] - old["created_at"], LIFE_MAX) if old["expires_at"] else None
            wanted = NewKey(old["merchant_id"], old["name"], old["scopes"], now + life if life else None)
            _check(wanted, by, now)
            told[:], successor_id = self._issue(uow, wanted)
            uow.run("succeed_key", id=key_id, successor_id=successor_id, overlap_hours=overlap_hours)
            _note(uow, "key.rotated", by, old, successor_id=str(successor_id), overlap_hours=overlap_hours)
            return self._body(_read(uow, successor_id)) | {"predecessor": self._body(_read(uow, key_id))}

        created = create_once(self._database, once, create)
        return IssuedKey(created, None if created.replayed else told[0])

    def revoke(self, key_id: UUID, by: Operator, *, even_last: bool = False) -> dict[str, Any]:
        """
        End a key; the door may remember it for seconds more. One that is revoked already stays as it is.

        Raises:
            NotFound: There is none.
            LastOperatorKey: No other key with `merchants:write` is let in for a day to come. `even_last` does it still.
        """

        def work(uow: UnitOfWork) -> dict[str, Any]:
            # Before the key itself, and all in one order: of two that revoke each other one sees the other's end.
            others = {row["id"] for row in uow.all("lock_keys_of_operators") if self._has_way_in(row)} - {key_id}
            uow.first("lock_api_key", id=key_id)
            row = _read(uow, key_id)
            if row["state"] == "revoked":
                return self._body(row)
            makes_keys = row["merchant_id"] is None and MAKES_KEYS in row["scopes"] and row["state"] == "live"
            if makes_keys and self._has_way_in(row) and not others and not even_last:
                raise LastOperatorKey("make another operator key with merchants:write first")
            uow.run("revoke_key", id=key_id)
            _note(uow, "key.revoked", by, row)
            return self._body(_read(uow, key_id))

        return self._database.run(work)

    def _issue(self, uow: UnitOfWork, wanted: NewKey) -> tuple[list[Secret], UUID]:
        kind = OPERATOR if wanted.merchant_id is None else MERCHANT
        key_id = None
        while key_id is None:
            key = make_key(kind)
            key_id = store_key(
                uow,
                key,
                self._peppers,
                wanted.scopes,
                wanted.merchant_id,
                name=wanted.name,
                expires_at=wanted.expires_at,
            )
        return [key], key_id

    def _has_way_in(self, row: Row) -> bool:
        return has_way_in(row["prefix"], row["pepper_id"], self._peppers, demo_keys=self._demo_keys)

    def _body(self, row: Row) -> dict[str, Any]:
        return {
            "id": str(row["id"]),
            "prefix": row["prefix"],
            "name": row["name"],
            "merchant_id": str(row["merchant_id"]) if row["merchant_id"] else None,
            "scopes": row["scopes"],
            "state": row["state"],
            "created_at": iso(row["created_at"]),
            "expires_at": iso(row["expires_at"]),
            "revoked_at": iso(row["revoked_at"]),
            "last_used_at": iso(row["last_used_at"]),
            "successor_id": str(row["successor_id"]) if row["successor_id"] else None,
            "pepper": row["pepper_id"],
            "has_active_pepper": row["pepper_id"] == self._peppers.active,
        }


def _check(wanted: NewKey, by: Operator, now: datetime) -> None:
    known = OPERATOR_SCOPES if wanted.merchant_id is None else MERCHANT_SCOPES
    problems = [
        FieldProblem(f"scopes.{place}", f"one of {', '.join(known)} is needed")
        for place, scope in enumerate(wanted.scopes)
        if scope not in known
    ]
    if wanted.expires_at is not None and not now < wanted.expires_at <= now + LIFE_MAX:
        problems.append(FieldProblem("expires_at", "a time to come within ten years is needed"))
    if problems:
        raise InvalidFields(fields=problems)
    lacking = sorted(set(wanted.scopes) - by.scopes) if wanted.merchant_id is None else []
    if lacking:
        raise Forbidden(f"this key lacks the scope {lacking[0]}, and can give no operator what it has not itself")


def _read(uow: UnitOfWork, key_id: UUID) -> Row:
    rows, _ = read_page(uow, "list_keys", _FILTERS, Page({"id": key_id}, limit=1))
    if not rows:
        raise NotFound("there is no such key")
    return rows[0]


def _note(uow: UnitOfWork, action: str, by: Operator, row: Row, **details: object) -> None:
    facts = {"prefix": row["prefix"], "name": row["name"]} | details
    write_audit(uow, action, made_by=by.name, subject_id=row["id"], merchant_id=row["merchant_id"], **facts)
