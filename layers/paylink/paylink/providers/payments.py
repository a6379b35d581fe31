"""Payments, refunds and events as they cross the line between us and a provider."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from paylink.core.money import Money
from paylink.core.refunds import RefundState
from paylink.core.states import Evidence
from paylink.providers.port import PaymentMethod


@dataclass(frozen=True)
class Reference:
    """
    A name under which a provider knows a transaction, such as its session id.

    `kind` is the adapter's own word; it and `value` are unique within one account. Kind `attempt` is ours everywhere:
    the id of the attempt, which every adapter sends along and finds again in what comes back; so is kind `refund`, the
    id of one of our refunds.
    """

    kind: str
    value: str


ATTEMPT = "attempt"
REFUND = "refund"


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
class Item:
    """A line of an order; `unit_amount` is in the smallest unit of the order's currency."""

    name: str
    quantity: int
    unit_amount: int


@dataclass(frozen=True)
class PaymentRequest:
    """
    Everything that a provider is told when a payment page is created: stored rows only.

    The sum of `items` is `amount`; without any, the whole is one. Without `payment_methods` the page offers all that
    the account has; else those of them that the provider has, which is at least one.
    """

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
    customer_phone: str | None = None
    items: tuple[Item, ...] = ()
    payment_methods: tuple[PaymentMethod, ...] = ()
    metadata: Mapping[str, str] = field(default_factory=dict)
    manual_capture: bool = False
    """The money is only held at first; `capture_payment` collects it."""


@dataclass(frozen=True)
class PaymentQuery:
    """
    A payment that we ask about, from stored rows.

    `references` are the surest first. `amount`, `expires_at` and `asked_at` let an adapter answer for a page of which
    its provider knows nothing before the payer has chosen how to pay. With `has_refunds` some were asked for or seen:
    they are to be listed even where the provider's sum tells of none (any more).
    """

    references: tuple[Reference, ...]
    amount: Money
    expires_at: datetime
    asked_at: datetime
    has_refunds: bool = False


@dataclass(frozen=True)
class Refund:
    """
    A refund as the provider tells of it: its state is pending, succeeded or failed.

    `refund_id` is ours, None when somebody else made it; `failure` is the provider's own word for why it failed.
    `counted` is True when the payment's sum of refunds holds it; only a list beside that sum can tell.
    """

    reference: str
    state: RefundState
    amount: Money
    refund_id: UUID | None = None
    counted: bool = False
    failure: str | None = None


def refund_named(refunds: Iterable[Refund], refund_id: UUID) -> Refund | None:
    """Return the refund of ours with this id; where several carry it, the one by which the most has happened."""
    named = [refund for refund in refunds if refund.refund_id == refund_id]
    return max(named, key=lambda refund: (refund.counted, refund.state is not RefundState.FAILED), default=None)


class Refundable(StrEnum):
    """What the way in which a payer has paid lets be given back."""

    NOTHING = "nothing"
    WHOLE = "whole"
    PART = "part"


@dataclass(frozen=True)
class Payment:
    """
    A payment as the provider answers for it now.

    `evidence` and `amount` are what the state machine and the amount check use; `provider_status` is kept raw beside
    the canonical state. `checkout_url` is None when nothing can be paid any more, or the provider does not repeat it.
    `seen` is False when the provider has not heard of the payment yet: then all of it follows from the query.
    `also_paid` names further payments of the same order that hold money too: the payer has paid twice.
    `refunds` are those of our refunds that are listed beside the sum `evidence.refunded`; None when the provider does
    not tell, or its list and its sum do not agree (yet). `refundable` is None when it is not known.
    """

    references: tuple[Reference, ...]
    evidence: Evidence
    amount: Money
    provider_status: str
    checkout_url: str | None
    expires_at: datetime | None
    seen: bool = True
    also_paid: tuple[Reference, ...] = ()
    refunds: tuple[Refund, ...] | None = None
    refundable: Refundable | None = None


@dataclass(frozen=True)
class RefundRequest:
    """
    One refund of ours; `refund_id` travels with it and is its idempotency key at the provider.

    The first attempt among `references` is the one that was paid: where they name payments of several, only its own is
    meant.
    """

    refund_id: UUID
    references: tuple[Reference, ...]
    amount: Money
    reason: str | None = None


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
