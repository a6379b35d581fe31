"""Webhook intake: verify, store once, acknowledge. What a provider was told 2xx for is committed in Postgres."""

import random
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from paylink.core.errors import MalformedRequest, NotFound, PayloadTooLarge, SignatureRefused
from paylink.providers.port import WebhookRefused
from paylink.services.group_commit import COMMIT_DEADLINE_S, GroupCommit
from paylink.services.ports import Parts
from paylink.store.webhooks import NewWebhook, store_webhooks

BODY_SIZE_MAX = 512 * 1024
LEASE_S = 30
"""How long a new event waits for its queue message before the relay sends one."""

_LEDGER_SHARDS = 16
_KEPT_HEADERS = frozenset({"content-type", "user-agent", "x-request-id", "webhook-id", "webhook-timestamp"})
_HEADER_SIZE_MAX = 512
_ACCOUNT_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}\Z", re.ASCII)


@dataclass(frozen=True)
class Receipt:
    event_id: str
    duplicate: bool


class Intake:
    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._shard = random.randrange(_LEDGER_SHARDS)  # noqa: S311 (no secret)
        self._commits = GroupCommit(self._store, parts.queue.send)

    def receive(self, slug: str, account_name: str | None, raw_body: bytes, headers: Mapping[str, str]) -> Receipt:
        """
        Store one delivery and return its receipt. `headers` has lower-case names.

        Raises:
            NotFound: The provider is not enabled.
            PayloadTooLarge: Over 512 KiB.
            SignatureRefused: Unknown account, or no live secret verifies it.
            MalformedRequest: Signed rightly, and yet nothing that the provider sends.
            StorageUnavailable: Postgres did not commit within 2 s; the provider will try again.
        """
        provider = self._parts.providers.get(slug)
        if provider is None:
            raise NotFound("no such provider is enabled here")
        if len(raw_body) > BODY_SIZE_MAX:
            raise PayloadTooLarge(f"a webhook has at most {BODY_SIZE_MAX} bytes")
        if account_name is not None and not _ACCOUNT_NAME.match(account_name):
            raise SignatureRefused
        commit_by = time.monotonic() + COMMIT_DEADLINE_S
        account = self._parts.accounts.for_webhook(slug, account_name, deadline_s=COMMIT_DEADLINE_S)
        if account is None:
            raise SignatureRefused
        try:
            verified = provider.verify_webhook(raw_body, headers, account.credentials, self._parts.now())
        except WebhookRefused as exc:
            if exc.reason == "unreadable":
                raise MalformedRequest("the body is not an event") from exc
            raise SignatureRefused from exc
        webhook = NewWebhook(
            id=self._parts.new_id(),
            account_id=account.id,
            event_id=verified.event_id,
            credential_id=verified.credential_id,
            assurance=verified.assurance,
            body=raw_body,
            headers={
                name: value[:_HEADER_SIZE_MAX]
                for name, value in headers.items()
                if name in _KEPT_HEADERS and value.isprintable()
            },
        )
        new = self._commits.commit(webhook, within_s=max(0.2, commit_by - time.monotonic()))
        return Receipt(verified.event_id, duplicate=not new)

    def _store(self, webhooks: Sequence[NewWebhook], deadline_s: float) -> set[UUID]:
        return self._parts.database.run(
            lambda uow: store_webhooks(uow, webhooks, lease_s=LEASE_S, shard=self._shard), deadline_s=deadline_s
        )
