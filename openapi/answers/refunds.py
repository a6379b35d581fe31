"""Refunds."""

from typing import Annotated, Literal

from pydantic import Field

from openapi.answers.fields import Amount, Answer, Currency, Id, MetadataAnswer, Moment

RefundState = Annotated[
    Literal["requested", "unknown", "pending", "succeeded", "failed", "not_sent"],
    Field(description="`unknown`: the provider gave no clear answer yet. `not_sent`: surely nothing was given back."),
]


class Refund(Answer):
    """Money given back, or asked to be."""

    id: Id
    transaction_id: Id
    state: RefundState
    amount: Amount
    currency: Currency
    reason: Annotated[str | None, Field(description="As it was given.")]
    metadata: MetadataAnswer
    reference: Annotated[str | None, Field(description="The provider's name of the refund.")]
    error: Annotated[str | None, Field(description="The provider's own word for what went wrong.")]
    created_at: Moment


class RefundStep(Answer):
    """One change of a refund, with what showed it."""

    state: RefundState
    at: Moment
    reserved: Annotated[Amount, Field(description="How much of the transaction was reserved for it from then on.")]
    evidence: Literal["request", "answer", "lookup", "pull"]
    evidence_id: Annotated[str | None, Field(description="What the evidence is called, where it has a name.")]
    alert: Annotated[str | None, Field(description="Set where a person should look.")]


class RefundWithHistory(Refund):
    """A refund with each of its changes."""

    history: list[RefundStep]


class RefundList(Answer):
    """The refunds of one transaction."""

    refunds: Annotated[list[Refund], Field(max_length=100, description="The oldest first.")]
