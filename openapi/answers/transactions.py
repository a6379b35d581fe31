"""Transactions: what a checkout makes, and what comes of it."""

from typing import Annotated, Literal

from pydantic import Field

from openapi.answers.fields import (
    Amount,
    Answer,
    Count,
    Currency,
    Dispute,
    Id,
    MetadataAnswer,
    Moment,
    NextCursor,
    PaymentMethod,
    ProviderName,
    State,
)
from openapi.answers.refunds import Refund


class Checkout(Answer):
    """A transaction as its checkout answers it."""

    id: Id
    state: State
    provider: ProviderName
    amount: Amount
    currency: Currency
    order_reference: str
    checkout_url: Annotated[str | None, Field(description="Send the payer there. Null: there is no page to pay on.")]
    expires_at: Annotated[Moment, Field(description="The end of the page. ISO 8601, in UTC.")]
    created_at: Moment


class CancelledTransaction(Checkout):
    """A transaction that was asked to be cancelled."""

    note: Annotated[str, Field(description="With 202: why it is not done yet, and what happens.")] = ""


class CapturedTransaction(Checkout):
    """A transaction that was asked to be captured."""

    captured: Annotated[Amount, Field(description="How much was collected.")]
    note: Annotated[str, Field(description="With 202: why it is not done yet, and what happens.")] = ""


class TransactionSummary(Answer):
    """A transaction as lists show it."""

    id: Id
    state: State
    provider: ProviderName
    amount: Amount
    currency: Currency
    order_reference: str
    description: str | None
    metadata: MetadataAnswer
    captured: Annotated[Amount, Field(description="What was received so far.")]
    refunded: Annotated[int, Field(ge=0, description="What was given back so far, in whatever way.")]
    dispute: Annotated[Dispute | None, Field(description="Where a chargeback stands.")]
    provider_status: Annotated[str | None, Field(description="The provider's own word for the state.")]
    expires_at: Moment
    created_at: Moment
    updated_at: Moment


class TransactionList(Answer):
    """A page of a merchant's transactions."""

    transactions: Annotated[list[TransactionSummary], Field(max_length=200, description="The newest first.")]
    next_cursor: NextCursor


class Item(Answer):
    """A line of the order."""

    name: str
    quantity: Count
    unit_amount: Amount


class AttemptAnswer(Answer):
    """One try at having a page made."""

    number: Annotated[int, Field(ge=1)]
    provider: ProviderName
    account: Annotated[str, Field(description="The name of the account that was asked.")]
    outcome: Annotated[
        Literal["running", "pending", "declined", "not_sent", "unknown"],
        Field(description="`pending`: the page is there. `unknown`: the provider gave no clear answer."),
    ]
    error: Annotated[str | None, Field(description="The provider's own word for what went wrong.")]
    created_at: Moment
    finished_at: Moment | None


class TransactionStep(Answer):
    """One change of a transaction, with what showed it."""

    state: State
    at: Moment
    implied: Annotated[bool, Field(description="Never told, but the step after it cannot be without it.")]
    captured: Amount
    refunded: Annotated[int, Field(ge=0, description="What was given back by then.")]
    dispute: Dispute | None
    evidence: Literal["request", "webhook", "pull", "clock", "refusal"]
    evidence_id: Annotated[str | None, Field(description="Which webhook, or which reconciliation run, showed it.")]
    provider_status: str | None
    alert: Annotated[str | None, Field(description="Set where a person should look.")]


class TransactionEvent(Answer):
    """A webhook that speaks of the transaction, and what became of it."""

    event_id: Annotated[str, Field(description="The provider's name of the event.")]
    type: str | None
    state: Literal["in_flight", "applied", "ignored", "parked", "dead"]
    reason: str | None
    received_at: Moment
    finished_at: Moment | None


class Links(Answer):
    """What can be done from here."""

    self: str
    events: Annotated[str, Field(description="For a key with `events:read`.")]
    cancel: Annotated[str, Field(description="While it is open.")] = ""
    capture: Annotated[str, Field(description="While its money is held.")] = ""
    refunds: Annotated[str, Field(description="Once there is money.")] = ""


class Transaction(TransactionSummary):
    """A transaction with all that happened to it."""

    items: list[Item]
    payment_methods: Annotated[list[PaymentMethod], Field(description="What the page was limited to; else empty.")]
    refund_reserved: Annotated[Amount, Field(description="What refunds under way may add to `refunded`.")]
    capture: Literal["automatic", "manual"]
    capture_requested: Annotated[Amount | None, Field(description="What was asked to be captured.")]
    cancel_requested_at: Moment | None
    checkout_url: Annotated[str | None, Field(description="While it can be paid: its page.")]
    attempts: list[AttemptAnswer]
    history: Annotated[list[TransactionStep], Field(min_length=1, description="The oldest first.")]
    refunds: Annotated[list[Refund], Field(description="Those that were made through PayLink, the oldest first.")]
    events: list[TransactionEvent]
    links: Links
