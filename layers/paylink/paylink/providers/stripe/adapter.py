"""Stripe behind the `Provider` protocol."""

import time
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from paylink.core.money import Money
from paylink.providers.answers import readable_or
from paylink.providers.credentials import newest_secret
from paylink.providers.port import (
    Account,
    Capabilities,
    Credential,
    CredentialField,
    Effect,
    ErrorKind,
    Payment,
    PaymentQuery,
    PaymentRequest,
    ProviderError,
    ProviderEvent,
    Reference,
    Refund,
    RefundRequest,
    RefundState,
    Verified,
)
from paylink.providers.stripe import webhook
from paylink.providers.stripe.client import StripeClient
from paylink.providers.stripe.mapping import (
    ATTEMPT_METADATA,
    INTENT,
    SESSION,
    payment_of_session,
    session_fields,
)
from paylink.providers.stripe.money import CURRENCIES, from_stripe_amount, to_stripe_amount
from paylink.providers.stripe.settings import SECRET_KEY, WEBHOOK_SECRET, StripeSettings

_EXPAND = {"expand": ["payment_intent.latest_charge"]}
_FIND_SLACK = timedelta(minutes=5)
_FIND_PAGES_MAX = 20
_FIND_WITHIN_S = 6.0
_REFUND_STATES = {
    "succeeded": RefundState.SUCCEEDED,
    "failed": RefundState.FAILED,
    "canceled": RefundState.FAILED,
}


class StripeProvider:
    slug = "stripe"
    credential_fields: Sequence[CredentialField] = (SECRET_KEY, WEBHOOK_SECRET)
    evidence_headers = frozenset({webhook.SIGNATURE_HEADER})
    # Stripe asks for 30 minutes at least and 24 hours at most, counted by its clock when the request arrives: the
    # minutes between are the request's own, and room for a clock of ours that is ahead.
    capabilities = Capabilities(
        currencies=CURRENCIES,
        expiry_min_s=35 * 60,
        expiry_default_s=24 * 3600 - 10 * 60,
        expiry_max_s=24 * 3600 - 10 * 60,
        create_retention_s=24 * 3600,
        lookup_kinds=frozenset({SESSION, INTENT}),
        partial_refunds=True,
        # Stripe allows 25 requests a second of one kind, and a question may take two.
        pulls_per_s=10.0,
    )

    def __init__(self, settings: StripeSettings) -> None:
        self._client = StripeClient(settings.api_base)

    def check_amount(self, amount: Money) -> None:
        to_stripe_amount(amount)

    @readable_or(Effect.UNKNOWN)
    def create_payment(self, account: Account, request: PaymentRequest) -> Payment:
        key = f"paylink-create-{request.attempt_id}"
        session = self._client.post(
            newest_secret(account, SECRET_KEY), "/v1/checkout/sessions", session_fields(request), key
        )
        return self._payment(account, session)

    @readable_or(Effect.NOTHING)
    def find_payment(self, account: Account, request: PaymentRequest) -> Payment | None:
        """
        Stripe has no search by our id: walk the sessions created around the attempt, newest first.

        The time close to the attempt comes first, where it nearly always is; then as long as it may have been resent.
        """
        latest = timedelta(seconds=self.capabilities.create_retention_s / 2) + _FIND_SLACK
        begin, close, end = (request.created_at + span for span in (-_FIND_SLACK, _FIND_SLACK, latest))
        return self._find(account, request, begin, close) or self._find(account, request, close, end)

    def _find(self, account: Account, request: PaymentRequest, begin: datetime, end: datetime) -> Payment | None:
        created = {"gte": int(begin.timestamp()), "lte": int(end.timestamp())}
        query: dict[str, Any] = {"limit": 100, "created": created}
        stop_at = time.monotonic() + _FIND_WITHIN_S
        for _ in range(_FIND_PAGES_MAX):
            if time.monotonic() > stop_at:
                break
            page = self._client.get(newest_secret(account, SECRET_KEY), "/v1/checkout/sessions", query)
            for session in page["data"]:
                if (session.get("metadata") or {}).get(ATTEMPT_METADATA) == str(request.attempt_id):
                    return self._payment(account, self._session(account, session["id"]))
            if not page["has_more"]:
                return None
            query["starting_after"] = page["data"][-1]["id"]
        raise ProviderError(ErrorKind.NOT_FOUND, "too_many_sessions", effect=Effect.NOTHING)

    @readable_or(Effect.NOTHING)
    def fetch_payment(self, account: Account, query: PaymentQuery) -> Payment:
        session_id = self._session_id(account, query.references)
        return self._payment(account, self._session(account, session_id))

    @readable_or(Effect.UNKNOWN)
    def cancel_payment(self, account: Account, query: PaymentQuery) -> Payment:
        """An open session is expired; a completed one that waits for capture has its intent cancelled."""
        key, session_id = newest_secret(account, SECRET_KEY), self._session_id(account, query.references)
        session = self._session(account, session_id)
        intent = session.get("payment_intent")
        if isinstance(intent, dict) and intent.get("status") == "requires_capture":
            self._client.post(key, f"/v1/payment_intents/{intent['id']}/cancel", {}, f"paylink-void-{intent['id']}")
        else:
            self._client.post(key, f"/v1/checkout/sessions/{session_id}/expire", {}, f"paylink-expire-{session_id}")
        return self.fetch_payment(account, query)

    @readable_or(Effect.UNKNOWN)
    def refund_payment(self, account: Account, request: RefundRequest) -> Refund:
        intent = next((r.value for r in request.references if r.kind == INTENT), None)
        if intent is None:
            raise ProviderError(ErrorKind.NOT_FOUND, "no_intent_reference", effect=Effect.NOTHING, sent=False)
        refund = self._client.post(
            newest_secret(account, SECRET_KEY),
            "/v1/refunds",
            {
                "payment_intent": intent,
                "amount": to_stripe_amount(request.amount),
                "reason": "requested_by_customer",
                "metadata": {"paylink_refund": str(request.refund_id), "note": request.reason},
            },
            f"paylink-refund-{request.refund_id}",
        )
        state = _REFUND_STATES.get(str(refund["status"]), RefundState.PENDING)
        return Refund(refund["id"], state, from_stripe_amount(refund["amount"], refund["currency"]))

    def verify_webhook(
        self, raw_body: bytes, headers: Mapping[str, str], credentials: Sequence[Credential], now: datetime
    ) -> Verified:
        return webhook.verify(raw_body, headers, credentials, now)

    def map_webhook(self, raw_body: bytes) -> ProviderEvent:
        return webhook.map_event(raw_body)

    def _session_id(self, account: Account, references: Sequence[Reference]) -> str:
        """Return the session that is named first, by itself or by its intent."""
        for reference in references:
            if reference.kind == SESSION:
                return reference.value
            if reference.kind == INTENT:
                query = {"payment_intent": reference.value}
                found = self._client.get(newest_secret(account, SECRET_KEY), "/v1/checkout/sessions", query)["data"]
                if found:
                    return str(found[0]["id"])
        raise ProviderError(ErrorKind.NOT_FOUND, "no_session_reference", effect=Effect.NOTHING)

    def _session(self, account: Account, session_id: str) -> dict[str, Any]:
        return self._client.get(
            newest_secret(account, SECRET_KEY), f"/v1/checkout/sessions/{session_id}", dict(_EXPAND)
        )

    def _payment(self, account: Account, session: dict[str, Any]) -> Payment:
        return payment_of_session(session, self._disputes(account, session))

    def _disputes(self, account: Account, session: dict[str, Any]) -> list[dict[str, Any]]:
        intent = session.get("payment_intent")
        charge = intent.get("latest_charge") if isinstance(intent, dict) else None
        if not isinstance(charge, dict) or not charge.get("disputed"):
            return []
        data: list[dict[str, Any]] = self._client.get(
            newest_secret(account, SECRET_KEY), "/v1/disputes", {"charge": charge["id"]}
        )["data"]
        return data
