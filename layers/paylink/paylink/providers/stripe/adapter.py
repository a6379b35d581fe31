"""Stripe behind the `Provider` protocol."""

import time
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from paylink.core.money import Money
from paylink.providers.answers import after_change, readable_or
from paylink.providers.credentials import newest_secret
from paylink.providers.payments import (
    ATTEMPT,
    Payment,
    PaymentQuery,
    PaymentRequest,
    ProviderEvent,
    Reference,
    Refund,
    RefundRequest,
    refund_named,
)
from paylink.providers.port import (
    Account,
    Capabilities,
    CredentialField,
    Effect,
    ErrorKind,
    ProviderError,
)
from paylink.providers.stripe import webhook
from paylink.providers.stripe.client import StripeClient
from paylink.providers.stripe.mapping import (
    ATTEMPT_METADATA,
    INTENT,
    METHODS,
    SESSION,
    charge_of,
    intent_of,
    payment_of_session,
    session_fields,
)
from paylink.providers.stripe.money import CURRENCIES, to_stripe_amount
from paylink.providers.stripe.refunds import REFUND_METADATA, refund_id_of, refund_of
from paylink.providers.stripe.settings import SECRET_KEY, WEBHOOK_SECRET, StripeSettings

_EXPAND = {"expand": ["payment_intent.latest_charge"]}
_FIND_SLACK = timedelta(minutes=5)
_FIND_PAGES_MAX = 20
_FIND_WITHIN_S = 6.0
_REFUND_PAGES_MAX = 20


class StripeProvider:
    slug = "stripe"
    credential_fields: Sequence[CredentialField] = (SECRET_KEY, WEBHOOK_SECRET)
    # Stripe asks for 30 minutes at least and 24 hours at most, counted by its clock when the request arrives: the
    # minutes between are the request's own, and room for a clock of ours that is ahead.
    capabilities = Capabilities(
        currencies=CURRENCIES,
        expiry_min_s=35 * 60,
        expiry_default_s=24 * 3600 - 10 * 60,
        expiry_max_s=24 * 3600 - 10 * 60,
        create_retention_s=24 * 3600,
        refund_retention_s=24 * 3600,
        lookup_kinds=frozenset({SESSION, INTENT}),
        partial_refunds=True,
        manual_capture=True,
        partial_capture=True,
        # Stripe allows 25 requests a second of one kind, and a question may take two.
        pulls_per_s=10.0,
        payment_methods=dict.fromkeys(CURRENCIES, frozenset(METHODS)),
        # A charge has its balance transaction at once, one that is captured asynchronously within the hour.
        settlement_delay_s=24 * 3600,
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
        with after_change():
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
        return self._payment(account, self._session(account, session_id), has_refunds=query.has_refunds)

    @readable_or(Effect.UNKNOWN)
    def cancel_payment(self, account: Account, query: PaymentQuery) -> Payment:
        """An open session is expired; a completed one that waits for capture has its intent cancelled."""
        key, session_id = newest_secret(account, SECRET_KEY), self._session_id(account, query.references)
        intent = intent_of(self._session(account, session_id))
        if intent.get("status") == "requires_capture":
            self._client.post(key, f"/v1/payment_intents/{intent['id']}/cancel", {})
        else:
            self._client.post(key, f"/v1/checkout/sessions/{session_id}/expire", {})
        with after_change():
            return self.fetch_payment(account, query)

    @readable_or(Effect.UNKNOWN)
    def capture_payment(self, account: Account, query: PaymentQuery, amount: Money) -> Payment:
        intent = intent_of(self._session(account, self._session_id(account, query.references)))
        if intent.get("status") != "requires_capture":
            raise ProviderError(ErrorKind.BAD_STATE, "not_authorized", effect=Effect.NOTHING)
        path, fields = f"/v1/payment_intents/{intent['id']}/capture", {"amount_to_capture": to_stripe_amount(amount)}
        self._client.post(newest_secret(account, SECRET_KEY), path, fields)
        with after_change():
            return self.fetch_payment(account, query)

    @readable_or(Effect.UNKNOWN)
    def refund_payment(self, account: Account, request: RefundRequest) -> Refund:
        refund = self._client.post(
            newest_secret(account, SECRET_KEY),
            "/v1/refunds",
            {
                "payment_intent": self._paid_intent(account, request.references),
                "amount": to_stripe_amount(request.amount),
                "reason": "requested_by_customer",
                "metadata": {REFUND_METADATA: str(request.refund_id), "note": request.reason},
            },
            f"paylink-refund-{request.refund_id}",
        )
        return refund_of(refund)

    @readable_or(Effect.NOTHING)
    def find_refund(self, account: Account, request: RefundRequest) -> Refund | None:
        listed = self._refunds(account, self._paid_intent(account, request.references))
        ours = [refund for refund in listed if refund_id_of(refund) == request.refund_id]
        return refund_named(map(refund_of, ours), request.refund_id)

    def _paid_intent(self, account: Account, references: Sequence[Reference]) -> str:
        """Return the intent of the first attempt that is named; where several are, each is asked whose it is."""
        intents = [reference.value for reference in references if reference.kind == INTENT]
        if len(intents) == 1:
            return intents[0]
        attempt = next((reference.value for reference in references if reference.kind == ATTEMPT), None)
        for intent in intents:
            told = self._client.get(newest_secret(account, SECRET_KEY), f"/v1/payment_intents/{intent}")
            if attempt is not None and (told.get("metadata") or {}).get(ATTEMPT_METADATA) == attempt:
                return intent
        raise ProviderError(ErrorKind.NOT_FOUND, "no_intent_reference", effect=Effect.NOTHING, sent=False)

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

    def _payment(self, account: Account, session: dict[str, Any], *, has_refunds: bool = False) -> Payment:
        """Map a session; its disputes and refunds are asked for where there may be any."""
        charge = charge_of(session)
        disputes = self._disputes(account, charge) if charge.get("disputed") else []
        listed = bool(charge) and (has_refunds or bool(charge.get("amount_refunded")))
        refunds = self._refunds(account, intent_of(session)["id"]) if listed else []
        return payment_of_session(session, disputes, refunds)

    def _disputes(self, account: Account, charge: dict[str, Any]) -> list[dict[str, Any]]:
        query = {"charge": charge["id"]}
        data: list[dict[str, Any]] = self._client.get(newest_secret(account, SECRET_KEY), "/v1/disputes", query)["data"]
        return data

    def _refunds(self, account: Account, intent: str) -> list[dict[str, Any]]:
        query: dict[str, Any] = {"payment_intent": intent, "limit": 100}
        found: list[dict[str, Any]] = []
        for _ in range(_REFUND_PAGES_MAX):
            page = self._client.get(newest_secret(account, SECRET_KEY), "/v1/refunds", query)
            found += page["data"]
            if not page["has_more"]:
                return found
            query["starting_after"] = page["data"][-1]["id"]
        raise ProviderError(ErrorKind.UNAVAILABLE, "too_many_refunds", effect=Effect.NOTHING)
