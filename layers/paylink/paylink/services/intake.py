"""Webhook intake: verify, store once, acknowledge. What a provider was told 2xx for is committed in Postgres."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from uuid import UUID

from paylink.core.tracing import Place, current_span
from paylink.providers.port import Account, Signature, Verified, WebhookRefused
from paylink.services.group_commit import COMMIT_DEADLINE_S, GroupCommit
from paylink.services.ports import Parts
from paylink.services.promise import Promise
from paylink.services.refusals import BODY_SIZE_MAX, TOO_LARGE, Refusals
from paylink.store.shards import any_shard
from paylink.store.webhooks import LEDGER_SHARDS, NewWebhook, store_webhooks

LEASE_S = 30
"""How long a new event waits for its queue message before the relay sends one."""

_KEPT_HEADERS = frozenset({"content-type", "user-agent", "x-request-id", "webhook-id", "webhook-timestamp"})
_HEADER_SIZE_MAX = 2048
"""A longer one is not kept: half a signature proves nothing."""


@dataclass(frozen=True)
class Receipt:
    """A verified webhook on its way to the database: `new` is told once it is committed there."""

    event_id: str
    new: Promise[bool]


class Intake:
    def __init__(self, parts: Parts, refusals: Refusals, *, by_caller: bool = False) -> None:
        """by_caller: see `Groups`."""
        self._parts = parts
        self._refusals = refusals
        self._shard = any_shard(LEDGER_SHARDS)
        self._commits = GroupCommit(self._store, self._queue, by_caller=by_caller)
        self._traces: dict[UUID, Place] = {}
        """Of webhooks that are traced and not committed yet."""

    def receive(
        self,
        slug: str,
        account_name: str | None,
        raw_body: bytes,
        headers: Mapping[str, str],
        source: Callable[[], str],
    ) -> Receipt:
        """
        Verify one delivery and have it stored. `headers` has lower-case names; `source` tells where it came from,
        and is asked only when it is refused.

        Raises:
            NotFound: The provider is not enabled.
            PayloadTooLarge: Over 512 KiB.
            SignatureRefused: Unknown account, or no live secret verifies it.
            MalformedRequest: Signed rightly, and yet nothing that the provider sends.
            StorageUnavailable: Postgres cannot be asked for the account. The promise raises it when Postgres did not
                commit within 2 s; the provider will try again.
        """
        signature = self._parts.signatures.get(slug)
        if signature is None:
            raise self._refusals.refuse_unknown_provider(source())
        if len(raw_body) > BODY_SIZE_MAX:
            raise self._refusals.refuse(slug, None, TOO_LARGE, source())
        commit_by = time.monotonic() + COMMIT_DEADLINE_S
        account = self._parts.accounts.for_webhook(slug, account_name, deadline_s=COMMIT_DEADLINE_S)
        if account is None:
            raise self._refusals.refuse_unknown_account(slug, account_name, raw_body, headers, source())
        try:
            verified = self._verify(signature, account, raw_body, headers)
        except WebhookRefused as exc:
            raise self._refusals.refuse(slug, account, exc.reason, source()) from exc
        kept_headers = _KEPT_HEADERS | signature.evidence_headers
        webhook = NewWebhook(
            id=self._parts.new_id(),
            account_id=account.id,
            event_id=verified.event_id,
            credential_id=verified.credential_id,
            assurance=verified.assurance,
            body=raw_body,
            headers={
                name: value
                for name, value in headers.items()
                if name in kept_headers and len(value) <= _HEADER_SIZE_MAX and value.isprintable()
            },
        )
        within_s = max(0.2, commit_by - time.monotonic())
        return Receipt(verified.event_id, self._commit(webhook, within_s))

    def _commit(self, webhook: NewWebhook, within_s: float) -> Promise[bool]:
        place = current_span()
        if place is None:
            return self._commits.submit(webhook, within_s=within_s)
        place.set("paylink.event_row_id", str(webhook.id))
        place.set("paylink.event_id", webhook.event_id)
        self._traces[webhook.id] = place
        try:
            new = self._commits.submit(webhook, within_s=within_s)
        except BaseException:
            self._forget(webhook.id)
            raise
        new.then(lambda _: self._forget(webhook.id))
        return new

    def _forget(self, event_row_id: UUID) -> None:
        self._traces.pop(event_row_id, None)

    def _queue(self, new: Sequence[UUID]) -> None:
        if not self._traces:
            self._parts.queue.send(new)
            return
        traces = {event_row_id: place for event_row_id in new if (place := self._traces.get(event_row_id))}
        self._parts.queue.send(new, traces=traces)

    def _verify(self, signature: Signature, account: Account, raw_body: bytes, headers: Mapping[str, str]) -> Verified:
        parent = current_span()
        if parent is None:
            return self._verify_now(signature, account, raw_body, headers)
        with parent.child("verify", {"paylink.provider": account.provider}):
            return self._verify_now(signature, account, raw_body, headers)

    def _verify_now(
        self, signature: Signature, account: Account, raw_body: bytes, headers: Mapping[str, str]
    ) -> Verified:
        now = self._parts.now()
        try:
            return signature.verify(raw_body, headers, account.credentials, now)
        except WebhookRefused:
            # Its secret may be younger than what is in memory. Asking costs one look-up a second, whoever sends.
            now_known = self._parts.accounts.reread(account, deadline_s=COMMIT_DEADLINE_S / 2)
            if now_known.credentials == account.credentials:
                raise
            return signature.verify(raw_body, headers, now_known.credentials, now)

    def _store(self, webhooks: Sequence[NewWebhook], deadline_s: float) -> set[UUID]:
        tries = count()
        return self._parts.database.run(
            lambda uow: store_webhooks(uow, webhooks, lease_s=LEASE_S, shard=self._shard, again=next(tries) > 0),
            deadline_s=deadline_s,
            one_statement=True,
            reserved=True,
        )
