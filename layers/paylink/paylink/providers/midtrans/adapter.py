"""Midtrans behind the `Provider` protocol."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from paylink.core.money import Money
from paylink.core.states import ENDED_UNPAID, Evidence, Source, State
from paylink.providers.answers import readable_or, word
from paylink.providers.credentials import newest_secret
from paylink.providers.midtrans import webhook
from paylink.providers.midtrans.client import MidtransClient
from paylink.providers.midtrans.lookup import ask
from paylink.providers.midtrans.mapping import (
    NOT_BEGUN,
    leaves_page_open,
    payment_not_begun,
    payment_of,
    state_of,
    status_of,
)
from paylink.providers.midtrans.money import CURRENCIES, from_midtrans_amount, to_midtrans_amount
from paylink.providers.midtrans.page import page_fields
from paylink.providers.midtrans.references import SNAP_TOKEN, TRANSACTION
from paylink.providers.midtrans.settings import SERVER_KEY, MidtransSettings
from paylink.providers.port import (
    ATTEMPT,
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

_REASON_MAX = 255
_CANCELLABLE = frozenset({"pending", "authorize", "capture"})


class MidtransProvider:
    slug = "midtrans"
    credential_fields: Sequence[CredentialField] = (SERVER_KEY,)
    # The signature stands in the body.
    evidence_headers: frozenset[str] = frozenset()
    # A repeated order id is refused, so a repeated creation never gives the first page again.
    capabilities = Capabilities(
        currencies=CURRENCIES,
        # Midtrans' least are 5 minutes; one more leaves a retry of the creation its time.
        expiry_min_s=6 * 60,
        expiry_default_s=24 * 3600,
        expiry_max_s=7 * 24 * 3600,
        create_retention_s=0,
        lookup_kinds=frozenset({ATTEMPT, TRANSACTION}),
        partial_refunds=True,
        # Midtrans publishes no figure.
        pulls_per_s=10.0,
    )

    def __init__(self, settings: MidtransSettings) -> None:
        self._client = MidtransClient(settings)

    def check_amount(self, amount: Money) -> None:
        to_midtrans_amount(amount)

    @readable_or(Effect.UNKNOWN)
    def create_payment(self, account: Account, request: PaymentRequest) -> Payment:
        page = self._client.create_page(newest_secret(account, SERVER_KEY), page_fields(request))
        return Payment(
            references=(Reference(ATTEMPT, str(request.attempt_id)), Reference(SNAP_TOKEN, word(page["token"]))),
            evidence=Evidence(State.PENDING, Source.PULL),
            amount=request.amount,
            provider_status=NOT_BEGUN,
            checkout_url=word(page["redirect_url"]),
            expires_at=request.expires_at,
        )

    @readable_or(Effect.NOTHING)
    def find_payment(self, account: Account, request: PaymentRequest) -> Payment | None:
        """Unless a payer has begun on it, a page whose address was lost with the answer can be reached by nobody."""
        answers = self._ask(account, [Reference(ATTEMPT, str(request.attempt_id))])
        # Asked as if at the creation: a refused try leaves the page open until a query with a clock says otherwise.
        return payment_of(answers, expires_at=request.expires_at, asked_at=request.created_at) if answers else None

    @readable_or(Effect.NOTHING)
    def fetch_payment(self, account: Account, query: PaymentQuery) -> Payment:
        return self._payment(query, self._ask(account, query.references))

    @readable_or(Effect.UNKNOWN)
    def cancel_payment(self, account: Account, query: PaymentQuery) -> Payment:
        """
        Close the page while nothing is chosen on it, and cancel the transaction afterwards.

        `query` needs the page's token among its references to close a page.
        """
        answers = self._ask(account, query.references)
        if not answers or leaves_page_open(answers[0]):
            closed = self._close_page(account, query)
            if closed is not None:
                return closed
            answers = self._ask(account, query.references)
        if any(status_of(t) in _CANCELLABLE for t in answers) and not any(map(_is_settled, answers)):
            try:
                return self._payment(query, [self._cancel(account, transaction) for transaction in answers])
            except ProviderError as exc:
                if exc.kind is not ErrorKind.BAD_STATE:
                    raise
                answers = self._ask(account, query.references)
        payment = self._payment(query, answers)
        if payment.evidence.state not in ENDED_UNPAID:
            raise ProviderError(ErrorKind.BAD_STATE, "not_cancellable", effect=Effect.NOTHING)
        return payment

    @readable_or(Effect.UNKNOWN)
    def refund_payment(self, account: Account, request: RefundRequest) -> Refund:
        """Refund the try that was paid; of the refund key Midtrans makes one refund only, for 7 days."""
        answers = self._ask(account, request.references)
        if not answers:
            raise ProviderError(ErrorKind.NOT_FOUND, "unknown_transaction", effect=Effect.NOTHING)
        if state_of(answers[0]) is not State.PAID:
            raise ProviderError(ErrorKind.BAD_STATE, "not_paid", effect=Effect.NOTHING)
        fields: dict[str, Any] = {
            "refund_key": str(request.refund_id),
            "amount": to_midtrans_amount(request.amount),
        }
        if request.reason:
            fields["reason"] = request.reason[:_REASON_MAX]
        name = word(answers[0]["transaction_id"])
        refund = self._client.refund(newest_secret(account, SERVER_KEY), name, fields)
        given = from_midtrans_amount(refund["refund_amount"])
        if refund["status_code"] == "202" and given.amount == 0:
            raise ProviderError(ErrorKind.BAD_STATE, "status_202", effect=Effect.NOTHING)
        if refund["status_code"] != "200" or status_of(refund) not in ("refund", "partial_refund"):
            raise ValueError("neither refunded nor refused")
        number = refund["refund_chargeback_id"]
        reference = str(number) if type(number) is int else word(number)
        return Refund(reference, RefundState.SUCCEEDED, given)

    def verify_webhook(
        self, raw_body: bytes, headers: Mapping[str, str], credentials: Sequence[Credential], now: datetime
    ) -> Verified:
        return webhook.verify(raw_body, credentials)

    def map_webhook(self, raw_body: bytes) -> ProviderEvent:
        return webhook.map_event(raw_body)

    def _ask(self, account: Account, references: Sequence[Reference]) -> list[dict[str, Any]]:
        return ask(self._client, newest_secret(account, SERVER_KEY), references)

    @staticmethod
    def _payment(query: PaymentQuery, answers: Sequence[dict[str, Any]]) -> Payment:
        if answers:
            return payment_of(answers, expires_at=query.expires_at, asked_at=query.asked_at)
        attempt = next((reference for reference in query.references if reference.kind == ATTEMPT), None)
        if attempt is None:
            raise ProviderError(ErrorKind.NOT_FOUND, "unknown_transaction", effect=Effect.NOTHING)
        return payment_not_begun(attempt, query)

    def _close_page(self, account: Account, query: PaymentQuery) -> Payment | None:
        """Return what then is to be said of the page; None when the payer has just chosen how to pay."""
        token = next((reference for reference in query.references if reference.kind == SNAP_TOKEN), None)
        if token is None:
            raise ProviderError(ErrorKind.BAD_STATE, "no_page_reference", effect=Effect.NOTHING)
        if not self._client.close_page(newest_secret(account, SERVER_KEY), token.value):
            return None
        return Payment(
            references=tuple(reference for reference in query.references if reference.kind in (ATTEMPT, SNAP_TOKEN)),
            evidence=Evidence(State.CANCELLED, Source.PULL),
            amount=query.amount,
            provider_status="page_cancelled",
            checkout_url=None,
            expires_at=query.expires_at,
        )

    def _cancel(self, account: Account, transaction: dict[str, Any]) -> dict[str, Any]:
        """
        Return the transaction as it then is, unless it has ended anyway.

        The answer to a cancellation repeats only some of its fields.
        """
        if status_of(transaction) not in _CANCELLABLE:
            return transaction
        name = word(transaction["transaction_id"])
        cancelled = self._client.cancel(newest_secret(account, SERVER_KEY), name)
        return transaction | cancelled | {"order_id": transaction["order_id"]}


def _is_settled(transaction: dict[str, Any]) -> bool:
    return state_of(transaction) is State.PAID and status_of(transaction) not in _CANCELLABLE
