"""
What PayLink asks of a payment provider. Settlements are apart, in `settlements.py`.

An adapter is stateless and has no database. Amounts cross this line as `Money`; what we send is a pure function of
stored rows, so that a repeated call is the same call.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol
from uuid import UUID

from paylink.core.money import Money
from paylink.core.secret import Secret

if TYPE_CHECKING:
    # What intake does not meet is not imported for it.
    from paylink.providers.payments import Payment, PaymentQuery, PaymentRequest, ProviderEvent, Refund, RefundRequest


@dataclass(frozen=True)
class CredentialField:
    """
    One credential that an account of this provider needs.

    `environment` is the variable that supplies it to the default account; `demo_prefix` begins the value that is
    generated for the sandbox. Several live values of a field are tried in turn (secret rotation).
    """

    name: str
    environment: str
    demo_prefix: str


@dataclass(frozen=True)
class Credential:
    """One live value of a credential field; `id` is that of its row."""

    id: UUID
    field: str
    secret: Secret


@dataclass(frozen=True)
class Account:
    """One merchant's account at a provider, with its unsealed credentials, newest first per field."""

    id: UUID
    merchant_id: UUID
    provider: str
    name: str
    credentials: tuple[Credential, ...]

    def secrets(self, field_name: str) -> tuple[Credential, ...]:
        return tuple(c for c in self.credentials if c.field == field_name)

    def secret(self, field_name: str) -> Secret:
        """
        Return the newest live value of a field.

        Raises:
            LookupError: The account has none.
        """
        for credential in self.credentials:
            if credential.field == field_name:
                return credential.secret
        raise LookupError(f"account {self.name!r} has no {field_name}")


class PaymentMethod(StrEnum):
    """Ways to pay, in our words. What each means at a provider is its adapter's business."""

    CARD = "card"
    BANK_TRANSFER = "bank_transfer"
    QRIS = "qris"
    EWALLET = "ewallet"
    RETAIL = "retail"


class Assurance(StrEnum):
    """What a verified webhook proves. Only BODY lets a status be believed without asking the provider."""

    BODY = "body"
    PARTIAL = "partial"
    SENDER = "sender"


@dataclass(frozen=True)
class Verified:
    """A webhook that passed: its id for deduplication, and the credential that matched."""

    event_id: str
    credential_id: UUID
    assurance: Assurance


@dataclass(frozen=True)
class Capabilities:
    """
    What may be asked of a provider, checked before any call.

    `expiry_min_s`..`expiry_max_s` bound a page's life; `create_retention_s` is how long the provider answers a repeated
    creation with the page of the first, 0 when it never does; `refund_retention_s` is the same for a repeated refund.
    `lookup_kinds` are the kinds of reference that `fetch_payment` can ask by; `pulls_per_s` is how often an account's
    provider may be asked. With `manual_capture` money can be held first and collected later, with `partial_capture`
    also a part of it, once. `payment_methods` are those that a page in a currency can be limited to, none for one that
    is not named. After `settlement_delay_s` money that was paid must have its settlement line.
    """

    currencies: frozenset[str]
    expiry_min_s: int
    expiry_default_s: int
    expiry_max_s: int
    create_retention_s: int
    refund_retention_s: int
    lookup_kinds: frozenset[str]
    partial_refunds: bool
    manual_capture: bool
    partial_capture: bool
    pulls_per_s: float
    payment_methods: Mapping[str, frozenset[PaymentMethod]]
    settlement_delay_s: int


class ErrorKind(StrEnum):
    AUTH = "auth"
    """The account may not do this, whatever the order: its key, its permissions, a method that it has not activated."""
    VALIDATION = "validation"
    DUPLICATE = "duplicate"
    NOT_FOUND = "not_found"
    BAD_STATE = "bad_state"
    RATE_LIMITED = "rate_limited"
    UNAVAILABLE = "unavailable"


class Effect(StrEnum):
    """What a failed call did at the provider."""

    NOTHING = "nothing"
    """Provably nothing: it never left us, or was refused."""
    UNKNOWN = "unknown"
    """It left us and no clear answer came back."""


class ProviderError(Exception):
    """
    A call that did not succeed.

    `code` is the provider's own word, safe to log and to show; `sent` is False when the request never left us;
    `stored` is True when the provider will answer the same key with the same failure again; `field` is the field of
    our checkout that it refuses, where that is known. `gone` is True when the provider answers, but knows nothing any
    more of a payment that it told of once: that proves no end of it.
    """

    def __init__(
        self,
        kind: ErrorKind,
        code: str,
        *,
        effect: Effect,
        sent: bool = True,
        stored: bool = False,
        field: str | None = None,
        gone: bool = False,
    ) -> None:
        super().__init__(f"{kind}: {code}")
        self.kind = kind
        self.code = code
        self.effect = effect
        self.sent = sent
        self.stored = stored
        self.field = field
        self.gone = gone


class WebhookRefused(Exception):
    """
    The webhook proves nothing. `reason` is a stable word, safe to log: `malformed`, `no_match`, `outside_window`,
    or `unreadable` for a body that is not what the provider sends although its signature holds.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class UnreadableEvent(Exception):
    """A stored webhook is not what the provider is known to send. The message is safe to log."""


class Signature(Protocol):
    """
    How one provider signs its webhooks. Apart from `Provider`, as intake asks for nothing else.

    `evidence_headers` are those, in lower case, without which a stored webhook cannot be verified again. They are kept
    with its body, so none of them may be a secret itself. `secret_field` names the credential that it is checked with.
    """

    @property
    def secret_field(self) -> str: ...

    @property
    def evidence_headers(self) -> frozenset[str]: ...

    def verify(
        self, raw_body: bytes, headers: Mapping[str, str], credentials: Sequence[Credential], now: datetime
    ) -> Verified:
        """
        Check a webhook against every live secret. `headers` has lower-case names.

        Raises:
            WebhookRefused: With a reason.
        """


class Provider(Protocol):
    """One payment provider."""

    @property
    def slug(self) -> str: ...

    @property
    def capabilities(self) -> Capabilities: ...

    @property
    def credential_fields(self) -> Sequence[CredentialField]: ...

    def check_amount(self, amount: Money) -> None:
        """
        Refuse what this provider cannot take exactly.

        Raises:
            UnrepresentableAmount: The currency or the amount cannot be sent.
        """

    def create_payment(self, account: Account, request: "PaymentRequest") -> "Payment":
        """
        Create the payment page of `request`. Within `create_retention_s` the same request gives the same page.

        Raises:
            ProviderError: `effect` tells whether a page may exist.
        """

    def find_payment(self, account: Account, request: "PaymentRequest") -> "Payment | None":
        """
        Look for the page of an attempt whose creation had no clear end.

        None when no payer can ever reach one: it surely was not made, or its address was told to nobody and cannot be
        learned any more. Surplus pages of the attempt are closed.

        Raises:
            ProviderError: The provider gave no clear answer.
        """

    def fetch_payment(self, account: Account, query: "PaymentQuery") -> "Payment":
        """
        Ask for the present status of the payment that the query's references name; the first that names one decides.

        Raises:
            ProviderError: Also NOT_FOUND when none of the references is known there.
        """

    def cancel_payment(self, account: Account, query: "PaymentQuery") -> "Payment":
        """
        Close the page or void the authorization, and return what the provider then says.

        Raises:
            ProviderError: BAD_STATE when it can no longer be closed.
        """

    def capture_payment(self, account: Account, query: "PaymentQuery", amount: Money) -> "Payment":
        """
        Collect held money, all or a part, and return what the provider then says. What is left over is released.

        Raises:
            ProviderError: `effect` tells whether money may have moved; BAD_STATE when none is held (any more).
        """

    def refund_payment(self, account: Account, request: "RefundRequest") -> "Refund":
        """
        Give money back. Within `refund_retention_s` the same request gives the same refund.

        Raises:
            ProviderError: `effect` tells whether money may move.
        """

    def find_refund(self, account: Account, request: "RefundRequest") -> "Refund | None":
        """
        Look for a refund by our id. None when the provider knows none of it (yet).

        Raises:
            ProviderError: The provider gave no clear answer.
        """

    def map_webhook(self, raw_body: bytes) -> "ProviderEvent":
        """
        Put a verified webhook into our terms. Pure.

        Raises:
            UnreadableEvent: The body is not what the provider sends.
        """
