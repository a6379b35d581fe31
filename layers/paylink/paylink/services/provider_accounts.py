"""Merchants' accounts at providers: made, changed and given credentials by operators. No answer holds a secret."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any
from uuid import UUID

from paylink.core.errors import CredentialsMissing, FieldProblem, InvalidFields, NotFound
from paylink.core.secret import Secret
from paylink.providers.port import Provider
from paylink.services.operator import Created, Operator, create_once
from paylink.services.times import iso
from paylink.store.audit import write_audit
from paylink.store.constraints import unique_names
from paylink.store.database import Database
from paylink.store.operator_requests import OnceKey
from paylink.store.pages import Page, read_page
from paylink.store.provisioning import add_credential, insert_account, set_credentials
from paylink.store.sealing import Place, Sealer
from paylink.store.unit_of_work import Row, UnitOfWork

_FILTERS = ("id", "merchant_id", "provider")
_NAMES = {
    "provider_accounts_name_unique": "another account of this provider has this name",
    "provider_accounts_one_short_address": "another account has the short address of this provider",
}


@dataclass(frozen=True)
class NewAccount:
    """An account to be made. It stays disabled while a credential is missing."""

    merchant_id: UUID
    provider: str
    name: str
    is_default: bool
    has_short_address: bool
    credentials: Mapping[str, Secret]


class ProviderAccounts:
    """
    Each method raises StorageUnavailable when the database cannot answer. Processes that take webhooks or make
    checkouts notice a change within a minute; a webhook signed with a new secret is taken at once.
    """

    def __init__(
        self, database: Database, providers: Mapping[str, Provider], sealer: Sealer, *, public_url: str
    ) -> None:
        self._database = database
        self._providers = providers
        self._sealer = sealer
        self._public_url = public_url.rstrip("/")

    def list_accounts(self, page: Page) -> dict[str, Any]:
        def work(uow: UnitOfWork) -> dict[str, Any]:
            rows, cursor = read_page(uow, "list_accounts", _FILTERS, page)
            return {"accounts": self._bodies(uow, rows), "next_cursor": str(cursor) if cursor else None}

        return self._database.run(work)

    def show(self, account_id: UUID) -> dict[str, Any]:
        """
        Raises:
            NotFound: There is none.
        """
        return self._database.run(partial(self._shown, account_id=account_id))

    def create(self, wanted: NewAccount, by: Operator, once: OnceKey | None = None) -> Created:
        """
        Raises:
            InvalidFields: The provider is not enabled, a credential is not one of its, or there is no such merchant.
            NameTaken: Another account of the provider has the name, or the short address.
            IdempotencyKeyReused: The key stands for another request.
        """
        self._check(wanted)

        def create(uow: UnitOfWork) -> dict[str, Any]:
            # Its accounts change one after the other: at most one is the default.
            if uow.first("lock_merchant", id=wanted.merchant_id) is None:
                raise InvalidFields(fields=[FieldProblem("merchant_id", "there is no such merchant")])
            with unique_names(_NAMES):
                account_id = insert_account(
                    uow,
                    wanted.merchant_id,
                    wanted.provider,
                    wanted.name,
                    has_short_address=wanted.has_short_address,
                    disabled=bool(self._missing(wanted.provider, wanted.credentials)),
                )
            if wanted.is_default:
                _make_default(uow, account_id, wanted.merchant_id, wanted.provider)
            for field, secret in wanted.credentials.items():
                set_credentials(uow, self._sealer, Place(wanted.merchant_id, account_id, field), [secret])
            row = uow.one("lock_account", id=account_id)
            _note(uow, "account.created", by, row, credentials=sorted(wanted.credentials))
            return self._shown(uow, account_id=account_id)

        return create_once(self._database, once, create)

    def change(
        self, account_id: UUID, by: Operator, *, make_default: bool = False, disabled: bool | None = None
    ) -> dict[str, Any]:
        """
        Make an account its merchant's default at its provider, disable or enable it for new checkouts; None leaves it.

        Raises:
            NotFound: There is none.
            CredentialsMissing: It is to be enabled, and a credential is missing.
        """

        def work(uow: UnitOfWork) -> dict[str, Any]:
            known = self._shown(uow, account_id=account_id)
            uow.one("lock_merchant", id=UUID(known["merchant_id"]))
            row = uow.one("lock_account", id=account_id)
            if make_default and not row["is_default"]:
                _make_default(uow, account_id, row["merchant_id"], row["provider"])
                _note(uow, "account.made_default", by, row)
            if disabled is not None and disabled != (row["disabled_at"] is not None):
                missing = self._shown(uow, account_id=account_id)["missing"]
                if missing and not disabled:
                    raise CredentialsMissing(f"set {' and '.join(missing)} first")
                uow.run("set_account_disabled", id=account_id, disabled=disabled)
                _note(uow, "account.disabled" if disabled else "account.enabled", by, row)
            return self._shown(uow, account_id=account_id)

        return self._database.run(work)

    def set_credential(
        self, account_id: UUID, field: str, secret: Secret, by: Operator, *, keep_others: bool
    ) -> dict[str, Any]:
        """
        Make a value the newest live one of a field. `keep_others`: the older ones stay live beside it, as while a
        secret is rolled; else they are retired.

        Raises:
            NotFound: There is no such account, or its provider has no such credential.
            InvalidFields: More than 8 values would be live.
        """

        def work(uow: UnitOfWork) -> dict[str, Any]:
            row = uow.first("lock_account", id=account_id)
            if row is None:
                raise _no_such()
            provider = self._providers.get(row["provider"])
            if provider is None or field not in _fields(provider):
                raise NotFound("the account's provider has no such credential, or is not enabled here")
            place = Place(row["merchant_id"], account_id, field)
            try:
                if keep_others:
                    changed = add_credential(uow, self._sealer, place, secret)
                else:
                    changed = set_credentials(uow, self._sealer, place, [secret])
            except ValueError as exc:
                raise InvalidFields(fields=[FieldProblem("value", str(exc))]) from exc
            if changed:
                _note(uow, "credential.set", by, row, field=field, kept_others=keep_others)
            return self._shown(uow, account_id=account_id)

        return self._database.run(work)

    def _check(self, wanted: NewAccount) -> None:
        provider = self._providers.get(wanted.provider)
        if provider is None:
            enabled = ", ".join(sorted(self._providers))
            raise InvalidFields(fields=[FieldProblem("provider", f"not enabled here; enabled: {enabled}")])
        known = _fields(provider)
        unknown = [name for name in wanted.credentials if name not in known]
        if unknown:
            message = f"{wanted.provider} has {', '.join(known)}"
            raise InvalidFields(fields=[FieldProblem(f"credentials.{name}", message) for name in unknown])

    def _missing(self, slug: str, given: Mapping[str, object]) -> list[str]:
        provider = self._providers.get(slug)
        return [name for name in _fields(provider) if name not in given] if provider else []

    def _shown(self, uow: UnitOfWork, account_id: UUID) -> dict[str, Any]:
        rows, _ = read_page(uow, "list_accounts", _FILTERS, Page({"id": account_id}, limit=1))
        if not rows:
            raise _no_such()
        return self._bodies(uow, rows)[0]

    def _bodies(self, uow: UnitOfWork, rows: Sequence[Row]) -> list[dict[str, Any]]:
        used = uow.all("list_live_credential_use", account_ids=[row["id"] for row in rows])
        return [self._body(row, [one for one in used if one["account_id"] == row["id"]]) for row in rows]

    def _body(self, row: Row, credentials: Sequence[Row]) -> dict[str, Any]:
        path = f"{self._public_url}/v1/webhook/{row['provider']}"
        return {
            "id": str(row["id"]),
            "merchant_id": str(row["merchant_id"]),
            "provider": row["provider"],
            "name": row["name"],
            "is_default": row["is_default"],
            "state": "disabled" if row["disabled_at"] else "enabled",
            "disabled_at": iso(row["disabled_at"]),
            "created_at": iso(row["created_at"]),
            "webhook_url": f"{path}/{row['name']}",
            "short_webhook_url": path if row["has_short_address"] else None,
            "credentials": [_credential(one) for one in credentials],
            "missing": self._missing(row["provider"], {one["field"]: one for one in credentials}),
        }


def _fields(provider: Provider) -> list[str]:
    return [field.name for field in provider.credential_fields]


def _make_default(uow: UnitOfWork, account_id: UUID, merchant_id: UUID, provider: str) -> None:
    uow.run("drop_default_account", merchant_id=merchant_id, provider=provider)
    uow.run("make_default_account", id=account_id)


def _note(uow: UnitOfWork, action: str, by: Operator, row: Row, **details: object) -> None:
    facts = {"provider": row["provider"], "account": row["name"]} | details
    write_audit(uow, action, made_by=by.name, subject_id=row["id"], merchant_id=row["merchant_id"], **facts)


def _no_such() -> NotFound:
    return NotFound("there is no such account")


def _credential(row: Row) -> dict[str, Any]:
    return {
        "id": str(row["id"]),
        "field": row["field"],
        "created_at": iso(row["created_at"]),
        "webhooks_verified": row["webhooks_verified"],
        "last_used_at": iso(row["last_used_at"]),
    }
