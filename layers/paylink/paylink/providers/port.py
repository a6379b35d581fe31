"""
What PayLink asks of a payment provider.

An adapter is stateless and has no database. Amounts cross this line as `Money`; what we send is a pure function of
stored rows, so that a repeated call is the same call.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol
from uuid import UUID

from paylink.core.money import Money
from paylink.core.secret import Secret
from paylink.core.states import Evidence


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


@dataclass(frozen=True)
class Reference:
    """
    A name under which a provider knows a transaction, such as its session id.

    `kind` is the adapter's own word; it and `value` are unique within one account. Kind `attempt` is ours everywhere:
    the id of the attempt, which every adapter sends along and finds again in what comes back.
    """

    kind: str
    value: str


ATTEMPT = "attempt"


def attempt_of(references: Sequence[Reference]) -> UUID | None:
    """Return the attempt of ours that these references name, if any."""
    for reference in references:
        if reference.kind == ATTEMPT:
            try:
                return UUID(reference.value)
            except ValueError:
                return None
    return None


@dataclass(frozen=True)
class PaymentRequest:
    """Everything that a provider is told when a payment page is created: stored rows only."""

    attempt_id: UUID
    transaction_id: UUID
    amount: Money
    order_reference: str
    created_at: datetime
    expires_at: datetime
    success_url: str | None = None
    failure_url: str | None = None
    description: str | None = None
    customer_name: str | None = None
    customer_email: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class PaymentQuery:
    """
    A payment that we ask about, from stored rows.

    `references` are the surest first. `amount`, `expires_at` and `asked_at` let an adapter answer for a page of which
    its provider knows nothing before the payer has chosen how to pay.
    """

    references: tuple[Reference, ...]
    amount: Money
    expires_at: datetime
    asked_at: datetime


@dataclass(frozen=True)
class Payment:
    """
    A payment as the provider answers for it now.

    `evidence` and `amount` are what the state machine and the amount check use; `provider_status` is kept raw beside
    the canonical state. `checkout_url` is None when nothing can be paid any more, or the provider does not repeat it.
    `seen` is False when the provider has not heard of the payment yet: then all of it follows from the query.
    `also_paid` names further payments of the same order that hold money too: the payer has paid twice.
    """

    references: tuple[Reference, ...]
    evidence: Evidence
    amount: Money
    provider_status: str
    checkout_url: str | None
    expires_at: datetime | None
    seen: bool = True
    also_paid: tuple[Reference, ...] = ()


@dataclass(frozen=True)
class RefundRequest:
    """One refund of ours; `refund_id` travels with it and is its idempotency key at the provider."""

    refund_id: UUID
    references: tuple[Reference, ...]
    amount: Money
    reason: str | None = None


class RefundState(StrEnum):
    PENDING = "pending"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


@dataclass(frozen=True)
class Refund:
    reference: str
    state: RefundState
    amount: Money


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
class ProviderEvent:
    """
    A webhook in our terms.

    `references` name the transaction, the surest first; those not stored yet are added once one of them matches.
    With `confirm` the event only hints at a change, such as a refund: the provider is asked, and asked again while it
    does not show what `evidence` claims; without evidence, any answer will do. Else `evidence` is None only when
    `ignored` tells why nothing moves. `foreign` marks an event of another system on the same account. `amount` is what
    was asked for, when the event tells it.
    """

    event_type: str
    references: tuple[Reference, ...]
    evidence: Evidence | None
    amount: Money | None = None
    provider_status: str | None = None
    confirm: bool = False
    ignored: str | None = None
    foreign: bool = False


@dataclass(frozen=True)
class Capabilities:
    """
    What may be asked of a provider, checked before any call.

    `expiry_min_s`..`expiry_max_s` bound a page's life; `create_retention_s` is how long the provider answers a repeated
    creation with the page of the first, 0 when it never does. `lookup_kinds` are the kinds of reference that
    `fetch_payment` can ask by; `pulls_per_s` is how often an account's provider may be asked.
    """

    currencies: frozenset[str]
    expiry_min_s: int
    expiry_default_s: int
    expiry_max_s: int
    create_retention_s: int
    lookup_kinds: frozenset[str]
    partial_refunds: bool
    pulls_per_s: float


class ErrorKind(StrEnum):
    AUTH = "auth"
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
    our checkout that it refuses, where that is known.
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
    ) -> None:
        super().__init__(f"{kind}: {code}")
        self.kind = kind
        self.code = code
        self.effect = effect
        self.sent = sent
        self.stored = stored
        self.field = field


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


class Provider(Protocol):
    """One payment provider."""

    @property
    def slug(self) -> str: ...

    @property
    def capabilities(self) -> Capabilities: ...

    @property
    def credential_fields(self) -> Sequence[CredentialField]: ...

    @property
    def evidence_headers(self) -> frozenset[str]:
        """
        Headers, in lower case, without which a stored webhook cannot be verified again. They are kept with its body, so
        none of them may be a secret itself.
        """
        ...

    def check_amount(self, amount: Money) -> None:
        """
        Refuse what this provider cannot take exactly.

        Raises:
            UnrepresentableAmount: The currency or the amount cannot be sent.
        """

    def create_payment(self, account: Account, request: PaymentRequest) -> Payment:
        """
        Create the payment page of `request`. Within `create_retention_s` the same request gives the same page.

        Raises:
            ProviderError: `effect` tells whether a page may exist.
        """

    def find_payment(self, account: Account, request: PaymentRequest) -> Payment | None:
        """
        Look for the page of an attempt whose creation had no clear end.

        None when no payer can ever reach one: it surely was not made, or its address was told to nobody and cannot be
        learned any more. Surplus pages of the attempt are closed.

        Raises:
            ProviderError: The provider gave no clear answer.
        """

    def fetch_payment(self, account: Account, query: PaymentQuery) -> Payment:
        """
        Ask for the present status of the payment that the query's references name; the first that names one decides.

        Raises:
            ProviderError: Also NOT_FOUND when none of the references is known there.
        """

    def cancel_payment(self, account: Account, query: PaymentQuery) -> Payment:
        """
        Close the page or void the authorization, and return what the provider then says.

        Raises:
            ProviderError: BAD_STATE when it can no longer be closed.
        """

    def refund_payment(self, account: Account, request: RefundRequest) -> Refund:
        """
        Give money back.

        Raises:
            ProviderError: `effect` tells whether money may move.
        """

    def verify_webhook(
        self, raw_body: bytes, headers: Mapping[str, str], credentials: Sequence[Credential], now: datetime
    ) -> Verified:
        """
        Check a webhook against every live secret. `headers` has lower-case names.

        Raises:
            WebhookRefused: With a reason.
        """

    def map_webhook(self, raw_body: bytes) -> ProviderEvent:
        """
        Put a verified webhook into our terms. Pure.

        Raises:
            UnreadableEvent: The body is not what the provider sends.
        """
