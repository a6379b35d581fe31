"""An account's secrets at some time in the past."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from paylink.providers.port import Credential
from paylink.store.account_names import STALE_S
from paylink.store.sealing import CannotUnseal, Place, Sealer
from paylink.store.unit_of_work import UnitOfWork


@dataclass(frozen=True)
class PastCredential:
    """A secret with the time of its life."""

    credential: Credential
    created_at: datetime
    retired_at: datetime | None

    def lived_at(self, moment: datetime) -> bool:
        """Whether a webhook could be taken with it then. Processes remember a secret for a while after its end."""
        until = None if self.retired_at is None else self.retired_at + timedelta(seconds=STALE_S)
        return self.created_at <= moment and (until is None or moment <= until)


def read_past_credentials(uow: UnitOfWork, sealer: Sealer, account_id: UUID) -> Sequence[PastCredential]:
    """Return every secret that an account ever had, the newest first; what does not open is left out and told of."""
    found = []
    for row in uow.all("list_all_credentials", account_id=account_id):
        place = Place(row["merchant_id"], account_id, row["field"])
        try:
            secret = sealer.unseal(bytes(row["sealed"]), row["master_key_id"], place)
        except CannotUnseal as exc:
            facts = {"account_id": str(account_id), "credential_id": str(row["id"]), "error": str(exc)}
            logging.getLogger("paylink").error("a credential is left out", extra=facts)
            continue
        found.append(PastCredential(Credential(row["id"], row["field"], secret), row["created_at"], row["retired_at"]))
    return found
