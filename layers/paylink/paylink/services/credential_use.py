"""Secrets in use: which of an account's secrets verify webhooks, and when an old one has done its service."""

from datetime import datetime, timedelta
from uuid import UUID

from paylink.core.errors import NotFound
from paylink.services.operator import Operator
from paylink.services.ports import Parts
from paylink.store.audit import write_audit
from paylink.store.unit_of_work import Row, UnitOfWork

QUIET = timedelta(hours=24)
"""After so long without a webhook, while a newer secret has had one, nobody signs with a secret any more."""


class CannotRetire(Exception):
    """The secret is the last live one of its field. The message tells what to do first."""


class CredentialUse:
    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def list_credentials(self) -> dict[str, object]:
        """
        Return every secret, live and retired, by provider, account and field, the newest first; never its value.

        Raises:
            StorageUnavailable: The database cannot answer.
        """
        rows = self._parts.database.run(lambda uow: uow.all("list_credential_use"))
        now = self._parts.now()
        return {"credentials": [_entry(row, can_be_retired=_has_done_its_service(row, rows, now)) for row in rows]}

    def retire(self, credential_id: UUID, by: Operator) -> bool:
        """
        Let a secret verify nothing from now on, and tell whether it was live. Processes notice within a minute.

        Raises:
            NotFound: There is none.
            CannotRetire: No other one of its field is live.
            StorageUnavailable: The database cannot answer.
        """

        def work(uow: UnitOfWork) -> bool:
            # Who sets a value holds this lock too: of two changes at once the later one sees what the first one left.
            account = uow.first("lock_account_of_credential", id=credential_id)
            if account is None:
                raise NotFound("there is no such credential")
            rows = uow.all("list_values_of_field", id=credential_id)
            own = next(row for row in rows if row["id"] == credential_id)
            if own["retired_at"] is not None:
                return False
            if not any(row["retired_at"] is None for row in rows if row is not own):
                whose = f"{account['provider']}/{account['name']}"
                raise CannotRetire(f"it is the only live {own['field']} of {whose}: add its successor first")
            uow.run("retire_credential", id=credential_id)
            write_audit(
                uow,
                "credential.retired",
                made_by=by.name,
                subject_id=account["id"],
                merchant_id=account["merchant_id"],
                provider=account["provider"],
                account=account["name"],
                field=own["field"],
                credential_id=str(credential_id),
            )
            return True

        return self._parts.database.run(work)


def _has_done_its_service(row: Row, rows: list[Row], now: datetime) -> bool:
    if row["retired_at"] is not None or now - (row["last_used_at"] or row["created_at"]) < QUIET:
        return False
    place = (row["account_id"], row["field"])
    successors = [
        other
        for other in rows
        if (other["account_id"], other["field"]) == place
        and other["retired_at"] is None
        and (other["created_at"], other["id"]) > (row["created_at"], row["id"])
    ]
    return any(other["last_used_at"] is not None and now - other["last_used_at"] < QUIET for other in successors)


def _entry(row: Row, *, can_be_retired: bool) -> dict[str, object]:
    return {
        "id": str(row["id"]),
        "provider": row["provider"],
        "account": row["account"],
        "field": row["field"],
        "created_at": row["created_at"].isoformat(),
        "retired_at": row["retired_at"].isoformat() if row["retired_at"] else None,
        "webhooks_verified": row["webhooks_verified"],
        "last_used_at": row["last_used_at"].isoformat() if row["last_used_at"] else None,
        "can_be_retired": can_be_retired,
    }
