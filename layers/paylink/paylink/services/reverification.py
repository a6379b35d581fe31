"""Stored webhooks, verified once more: whether the bytes that money moved on are still those that were signed."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import partial
from uuid import UUID

from paylink.providers.port import Assurance, WebhookRefused
from paylink.services.ports import Parts
from paylink.store.operations import EventFilter, list_stored_bodies
from paylink.store.past_credentials import PastCredential, read_past_credentials
from paylink.store.sealing import Sealer
from paylink.store.unit_of_work import Row

PAGE = 50
"""So many bodies are in memory at once, of at most 512 KiB each."""


class Outcome(StrEnum):
    MATCHES = "matches"
    DOES_NOT_MATCH = "does_not_match"
    CANNOT_BE_VERIFIED = "cannot_be_verified"


@dataclass(frozen=True)
class Checked:
    """One event and what its stored webhook proves now; `reason` is None when it matches."""

    event_row_id: UUID
    provider: str
    account: str
    event_id: str
    outcome: Outcome
    reason: str | None


class Reverification:
    def __init__(self, parts: Parts, sealer: Sealer) -> None:
        self._parts = parts
        self._sealer = sealer
        self._credentials: dict[UUID, Sequence[PastCredential]] = {}

    def check(self, wanted: EventFilter, *, limit: int | None = None) -> Iterator[Checked]:
        """
        Verify stored webhooks, the oldest first, against the secrets that lived when each arrived.

        Raises:
            StorageUnavailable: The database cannot answer.
        """
        cursor: UUID | None = None
        left = limit
        while left is None or left > 0:
            page = replace(wanted, cursor=cursor, limit=PAGE if left is None else min(PAGE, left))
            rows = self._parts.database.run(partial(list_stored_bodies, wanted=page), deadline_s=20.0)
            yield from map(self._check, rows)
            if len(rows) < page.limit:
                return
            cursor = rows[-1]["id"]
            left = None if left is None else left - len(rows)

    def _check(self, row: Row) -> Checked:
        outcome, reason = self._judge(row)
        return Checked(row["id"], row["provider"], row["account"], row["event_id"], outcome, reason)

    def _judge(self, row: Row) -> tuple[Outcome, str | None]:
        signature = self._parts.signatures.get(row["provider"])
        if signature is None:
            return Outcome.CANNOT_BE_VERIFIED, "provider_not_enabled"
        if row["assurance"] == Assurance.SENDER:
            # What it proved itself by is a secret, and so is not kept.
            return Outcome.CANNOT_BE_VERIFIED, "proof_is_a_secret"
        if row["body"] is None:
            return Outcome.CANNOT_BE_VERIFIED, "body_gone"
        if not signature.evidence_headers <= row["headers"].keys():
            return Outcome.CANNOT_BE_VERIFIED, "signature_not_kept"
        past = self._past_credentials(row["account_id"])
        if not any(one.credential.id == row["credential_id"] for one in past):
            return Outcome.CANNOT_BE_VERIFIED, "secret_not_readable"
        living = [one.credential for one in past if one.lived_at(row["received_at"])]
        # Of two that match, the one that intake noted.
        living.sort(key=lambda credential: credential.id != row["credential_id"])
        try:
            verified = signature.verify(bytes(row["body"]), row["headers"], living, row["received_at"])
        except WebhookRefused as exc:
            # Then only the time is off: intake judged that by its own clock, and this is the database's.
            if exc.reason == "outside_window":
                return Outcome.MATCHES, None
            return Outcome.DOES_NOT_MATCH, exc.reason
        if verified.event_id != row["event_id"]:
            return Outcome.DOES_NOT_MATCH, "other_event_id"
        if verified.credential_id != row["credential_id"]:
            return Outcome.DOES_NOT_MATCH, "other_secret"
        return Outcome.MATCHES, None

    def _past_credentials(self, account_id: UUID) -> Sequence[PastCredential]:
        if account_id not in self._credentials:
            self._credentials[account_id] = self._parts.database.run(
                lambda uow: read_past_credentials(uow, self._sealer, account_id)
            )
        return self._credentials[account_id]
