"""Xendit behind the `Provider` protocol."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from paylink.core.money import Money
from paylink.core.secret import Secret
from paylink.core.states import HAS_MONEY, State
from paylink.providers.answers import after_change, readable_or, word
from paylink.providers.credentials import newest_secret
from paylink.providers.payments import (
    Payment,
    PaymentQuery,
    PaymentRequest,
    ProviderEvent,
    Reference,
    Refund,
    RefundRequest,
    attempt_of,
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
from paylink.providers.xendit import webhook
from paylink.providers.xendit.client import XenditClient
from paylink.providers.xendit.lists import list_disputes, list_invoices, list_refunds
from paylink.providers.xendit.mapping import (
    ATTEMPT_METADATA,
    INVOICE,
    METHODS,
    STATES,
    attempt_in,
    external_id_of,
    invoice_fields,
    invoice_id,
    payment_of_invoice,
    standing_of,
    time_of,
)
from paylink.providers.xendit.money import CURRENCIES, to_xendit_amount
from paylink.providers.xendit.refunds import reference_id_of, refund_id_of, refund_of
from paylink.providers.xendit.settings import CALLBACK_TOKEN, SECRET_KEY, XenditSettings

_REFUSED = frozenset({ErrorKind.VALIDATION, ErrorKind.BAD_STATE, ErrorKind.DUPLICATE})


class XenditProvider:
    slug = "xendit"
    credential_fields: Sequence[CredentialField] = (SECRET_KEY, CALLBACK_TOKEN)
    # The one header that proves anything is the token itself.
    # Xendit documents no bounds of a page's life: these are chosen.
    capabilities = Capabilities(
        currencies=CURRENCIES,
        expiry_min_s=6 * 60,
        expiry_default_s=24 * 3600,
        expiry_max_s=7 * 24 * 3600,
        create_retention_s=0,
        # Xendit takes a key with a refund, and does not say for how long it knows it: this is chosen.
        refund_retention_s=3600,
        lookup_kinds=frozenset({INVOICE}),
        partial_refunds=True,
        manual_capture=False,
        partial_capture=False,
        # Xendit allows 600 requests a minute of one kind, and other callers need some of them.
        pulls_per_s=5.0,
        payment_methods={currency: frozenset(methods) for currency, methods in METHODS.items()},
        # A transaction is listed once it has succeeded; whether that may take longer is not documented.
        settlement_delay_s=24 * 3600,
    )

    def __init__(self, settings: XenditSettings) -> None:
        self._client = XenditClient(settings.api_base)

    def check_amount(self, amount: Money) -> None:
        to_xendit_amount(amount)

    @readable_or(Effect.UNKNOWN)
    def create_payment(self, account: Account, request: PaymentRequest) -> Payment:
        key = newest_secret(account, SECRET_KEY)
        invoice = self._client.post(key, "/v2/invoices", invoice_fields(request))
        if invoice["external_id"] != external_id_of(request.attempt_id):
            raise ValueError("the invoice of another order")
        with after_change():
            return self._payment(key, invoice)

    @readable_or(Effect.NOTHING)
    def find_payment(self, account: Account, request: PaymentRequest) -> Payment | None:
        """
        Look at all invoices of our external id: each creation that arrived has made one.

        Those that can be paid and are not the attempt's are expired: nobody was told of them.
        """
        key = newest_secret(account, SECRET_KEY)
        invoices = self._invoices(key, external_id_of(request.attempt_id))
        found = standing_of(invoices, request.amount)
        for invoice in invoices:
            if STATES[invoice["status"]] is State.PENDING and invoice is not found:
                self._expire(key, invoice["id"])
        expired = [invoice for invoice in invoices if STATES[invoice["status"]] is State.EXPIRED]
        found = found or (expired[-1] if expired else None)
        return self._payment(key, found) if found else None

    @readable_or(Effect.NOTHING)
    def fetch_payment(self, account: Account, query: PaymentQuery) -> Payment:
        """
        The first invoice that is found decides, unless another one of the same attempt was paid, or stands while it has
        expired.
        """
        key = newest_secret(account, SECRET_KEY)
        found, gone = self._named(key, query.references)
        if not found:
            raise gone
        paid = [i for i in _oldest_first(found) if STATES[i["status"]] is State.PAID]
        payment = self._payment(key, paid[0] if paid else self._standing(key, found[0], query.amount))
        return replace(payment, also_paid=tuple(Reference(INVOICE, invoice_id(i["id"])) for i in paid[1:]))

    def _named(self, key: Secret, references: Sequence[Reference]) -> tuple[list[dict[str, Any]], ProviderError]:
        """Return the invoices of one attempt that these references name, the first of them first."""
        found: list[dict[str, Any]] = []
        gone = _no_invoice_reference()
        for reference in references:
            if reference.kind == INVOICE:
                try:
                    invoice = self._invoice(key, reference.value)
                except ProviderError as exc:
                    if exc.kind is not ErrorKind.NOT_FOUND:
                        raise
                    gone = exc
                else:
                    if not found or invoice["external_id"] == found[0]["external_id"]:
                        found.append(invoice)
        return found, gone

    @readable_or(Effect.UNKNOWN)
    def cancel_payment(self, account: Account, query: PaymentQuery) -> Payment:
        key, invoice = newest_secret(account, SECRET_KEY), _invoice_of(query.references)
        try:
            expired = self._expire(key, invoice)
        except ProviderError as exc:
            if exc.kind not in _REFUSED:
                raise
            # Refused, perhaps since an earlier call has closed it.
            with after_change():
                payment = self._payment(key, self._invoice(key, invoice))
            if payment.evidence.state is State.PENDING:
                raise
        else:
            with after_change():
                payment = self._payment(key, expired)
        if payment.evidence.state in HAS_MONEY:
            raise ProviderError(ErrorKind.BAD_STATE, "already_paid", effect=Effect.NOTHING)
        return payment

    def capture_payment(self, account: Account, query: PaymentQuery, amount: Money) -> Payment:
        """An invoice is paid at once or not at all."""
        raise ProviderError(ErrorKind.BAD_STATE, "no_manual_capture", effect=Effect.NOTHING, sent=False)

    @readable_or(Effect.UNKNOWN)
    def refund_payment(self, account: Account, request: RefundRequest) -> Refund:
        key = newest_secret(account, SECRET_KEY)
        metadata = {
            "paylink_refund": str(request.refund_id),
            ATTEMPT_METADATA: attempt_of(request.references),
            "note": request.reason,
        }
        refund = self._client.post(
            key,
            "/refunds",
            {
                "invoice_id": self._paid_invoice(key, request.references),
                "reference_id": reference_id_of(request.refund_id),
                "amount": to_xendit_amount(request.amount),
                "currency": request.amount.currency,
                "reason": "REQUESTED_BY_CUSTOMER",
                "metadata": {name: str(value) for name, value in metadata.items() if value is not None},
            },
            idempotency_key=str(request.refund_id),
        )
        return refund_of(refund)

    @readable_or(Effect.NOTHING)
    def find_refund(self, account: Account, request: RefundRequest) -> Refund | None:
        key = newest_secret(account, SECRET_KEY)
        listed = list_refunds(self._client, key, self._paid_invoice(key, request.references))
        ours = [refund for refund in listed if refund_id_of(refund) == request.refund_id]
        return refund_named(map(refund_of, ours), request.refund_id)

    def _paid_invoice(self, key: Secret, references: Sequence[Reference]) -> str:
        """Return the invoice of the first attempt that is named; where several are, each is asked whose it is."""
        invoices = [reference.value for reference in references if reference.kind == INVOICE]
        if len(invoices) == 1:
            return invoices[0]
        wanted = external_id_of(attempt_of(references))
        for invoice in invoices:
            told = self._invoice(key, invoice)
            if told["external_id"] == wanted and STATES[told["status"]] is State.PAID:
                return invoice
        raise _no_invoice_reference()

    def map_webhook(self, raw_body: bytes) -> ProviderEvent:
        return webhook.map_event(raw_body)

    def _invoice(self, key: Secret, identifier: str) -> dict[str, Any]:
        """
        Read one invoice of ours.

        The webhook that named it proves nothing: without this check, the paid invoice of another system on the same
        account would pay our order.
        """
        invoice: dict[str, Any] = self._client.get(key, f"/v2/invoices/{invoice_id(identifier)}")
        if attempt_in(invoice["external_id"]) is None:
            raise ProviderError(ErrorKind.NOT_FOUND, "invoice_not_ours", effect=Effect.NOTHING)
        return invoice

    def _standing(self, key: Secret, invoice: dict[str, Any], amount: Money) -> dict[str, Any]:
        """The event of an invoice that was closed as surplus must not end the order whose page is open."""
        if STATES[invoice["status"]] is not State.EXPIRED:
            return invoice
        return standing_of(self._invoices(key, invoice["external_id"]), amount) or invoice

    def _invoices(self, key: Secret, external_id: str) -> list[dict[str, Any]]:
        """Return the invoices of exactly this external id, the oldest first."""
        listed = list_invoices(self._client, key, external_id)
        return _oldest_first([invoice for invoice in listed if invoice["external_id"] == external_id])

    def _expire(self, key: Secret, identifier: str) -> dict[str, Any]:
        expired: dict[str, Any] = self._client.post(key, f"/invoices/{invoice_id(identifier)}/expire!")
        return expired

    def _payment(self, key: Secret, invoice: dict[str, Any]) -> Payment:
        """Map an invoice; of a paid one, refunds and disputes are asked for too."""
        if STATES[invoice["status"]] is not State.PAID:
            return payment_of_invoice(invoice, [], None)
        refunds = list_refunds(self._client, key, invoice_id(invoice["id"]))
        payment = invoice.get("payment_id")
        disputes = None if payment is None else list_disputes(self._client, key, word(payment))
        return payment_of_invoice(invoice, refunds, disputes)


def _oldest_first(invoices: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(invoices, key=lambda invoice: (time_of(invoice["created"]), invoice_id(invoice["id"])))


def _invoice_of(references: Sequence[Reference]) -> str:
    for reference in references:
        if reference.kind == INVOICE:
            return reference.value
    raise _no_invoice_reference()


def _no_invoice_reference() -> ProviderError:
    return ProviderError(ErrorKind.NOT_FOUND, "no_invoice_reference", effect=Effect.NOTHING, sent=False)
