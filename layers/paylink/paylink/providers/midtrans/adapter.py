"""Midtrans behind the `Provider` protocol."""

from collections.abc import Sequence
from typing import Any

from paylink.core.money import Money
from paylink.core.states import ENDED_UNPAID, OPEN, Evidence, Source, State
from paylink.providers.answers import after_change, readable_or, word
from paylink.providers.credentials import newest_secret
from paylink.providers.midtrans import webhook
from paylink.providers.midtrans.client import MidtransClient
from paylink.providers.midtrans.lookup import ask
from paylink.providers.midtrans.mapping import (
    NOT_BEGUN,
    is_held,
    leaves_page_open,
    payment_not_begun,
    payment_of,
    state_of,
    status_of,
)
from paylink.providers.midtrans.money import CURRENCIES, to_midtrans_amount
from paylink.providers.midtrans.page import METHODS, page_fields
from paylink.providers.midtrans.references import SNAP_TOKEN, TRANSACTION
from paylink.providers.midtrans.refunds import made_refund, own_refunds
from paylink.providers.midtrans.settings import SERVER_KEY, MidtransSettings
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

_REASON_MAX = 255


class MidtransProvider:
    slug = "midtrans"
    credential_fields: Sequence[CredentialField] = (SERVER_KEY,)
    # The signature stands in the body.
    # A repeated order id is refused, so a repeated creation never gives the first page again.
    capabilities = Capabilities(
        currencies=CURRENCIES,
        # Midtrans' least are 5 minutes; one more leaves a retry of the creation its time.
        expiry_min_s=6 * 60,
        expiry_default_s=24 * 3600,
        expiry_max_s=7 * 24 * 3600,
        create_retention_s=0,
        # "For up to 7 days."
        refund_retention_s=7 * 24 * 3600,
        lookup_kinds=frozenset({ATTEMPT, TRANSACTION}),
        partial_refunds=True,
        manual_capture=True,
        # What a status then calls gross_amount is not documented, so a part could not be told from the whole.
        partial_capture=False,
        # Midtrans publishes no figure.
        pulls_per_s=10.0,
        payment_methods=dict.fromkeys(CURRENCIES, frozenset(METHODS)),
        # When a method is settled to the merchant is not documented; a week covers weekends and holidays.
        settlement_delay_s=7 * 24 * 3600,
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
        # Midtrans would void a charged card too, as long as it is not settled: that is no unpaid page any more.
        if any(map(_can_be_cancelled, answers)) and not any(state_of(t) is State.PAID for t in answers):
            try:
                return self._payment(query, self._cancelled(account, answers))
            except ProviderError as exc:
                if exc.kind is not ErrorKind.BAD_STATE:
                    raise
            with after_change():
                answers = self._ask(account, query.references)
        payment = self._payment(query, answers)
        if payment.evidence.state not in ENDED_UNPAID:
            raise ProviderError(ErrorKind.BAD_STATE, "not_cancellable", effect=Effect.NOTHING)
        return payment

    @readable_or(Effect.UNKNOWN)
    def capture_payment(self, account: Account, query: PaymentQuery, amount: Money) -> Payment:
        held = next((t for t in self._ask(account, query.references) if is_held(t)), None)
        if held is None:
            raise ProviderError(ErrorKind.BAD_STATE, "not_authorized", effect=Effect.NOTHING)
        fields = {"transaction_id": word(held["transaction_id"]), "gross_amount": to_midtrans_amount(amount)}
        captured = self._client.capture(newest_secret(account, SERVER_KEY), fields)
        return self._payment(query, [held | captured | {"order_id": held["order_id"]}])

    @readable_or(Effect.UNKNOWN)
    def refund_payment(self, account: Account, request: RefundRequest) -> Refund:
        """Refund the try that was paid; of the refund key Midtrans makes one refund only, for 7 days."""
        paid = self._refunded(account, request)
        if state_of(paid) is not State.PAID:
            raise ProviderError(ErrorKind.BAD_STATE, "not_paid", effect=Effect.NOTHING)
        fields: dict[str, Any] = {
            "refund_key": str(request.refund_id),
            "amount": to_midtrans_amount(request.amount),
        }
        if request.reason:
            fields["reason"] = request.reason[:_REASON_MAX]
        name = word(paid["transaction_id"])
        answer = self._client.refund(newest_secret(account, SERVER_KEY), name, fields)
        return made_refund(answer, status_of(answer))

    @readable_or(Effect.NOTHING)
    def find_refund(self, account: Account, request: RefundRequest) -> Refund | None:
        return refund_named(own_refunds(self._refunded(account, request)), request.refund_id)

    def _refunded(self, account: Account, request: RefundRequest) -> dict[str, Any]:
        """Return the try that is to be refunded: the deciding one of the first attempt that is named."""
        attempts = [r for r in request.references if r.kind == ATTEMPT][:1]
        answers = self._ask(account, [*attempts, *(r for r in request.references if r.kind != ATTEMPT)])
        if not answers:
            raise ProviderError(ErrorKind.NOT_FOUND, "unknown_transaction", effect=Effect.NOTHING)
        return answers[0]

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

    def _cancelled(self, account: Account, answers: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        """Cancel one try after the other; what refuses a later one does not undo the first."""
        cancelled: list[dict[str, Any]] = []
        for transaction in answers:
            try:
                cancelled.append(self._cancel(account, transaction))
            except ProviderError as exc:
                if not cancelled or exc.kind is ErrorKind.BAD_STATE:
                    raise
                raise ProviderError(exc.kind, exc.code, effect=Effect.UNKNOWN) from exc
        return cancelled

    def _cancel(self, account: Account, transaction: dict[str, Any]) -> dict[str, Any]:
        """
        Return the transaction as it then is, unless it has ended anyway.

        The answer to a cancellation repeats only some of its fields.
        """
        if not _can_be_cancelled(transaction):
            return transaction
        name = word(transaction["transaction_id"])
        cancelled = self._client.cancel(newest_secret(account, SERVER_KEY), name)
        return transaction | cancelled | {"order_id": transaction["order_id"]}


def _can_be_cancelled(transaction: dict[str, Any]) -> bool:
    return state_of(transaction) in OPEN
