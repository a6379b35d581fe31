"""Events, and what operators do with them."""

from typing import Annotated, Literal

from pydantic import Field

from openapi.answers.fields import Answer, Count, Id, Moment, NextId, ProviderName

EventState = Literal["in_flight", "applied", "ignored", "parked", "dead"]


class Event(Answer):
    """A webhook that was answered with 2xx."""

    id: Id
    provider: ProviderName
    account: Annotated[str, Field(description="The account's name.")]
    event_id: Annotated[str, Field(description="The provider's name of the event.")]
    type: str | None
    state: EventState
    reason: Annotated[str | None, Field(description="Why it is in its state, such as `no_transaction`.")]
    transaction_id: Id | None
    attempts: Count
    received_at: Moment
    finished_at: Moment | None


class EventList(Answer):
    """A page of events."""

    events: Annotated[list[Event], Field(max_length=200, description="The newest first.")]
    next_cursor: NextId


class VerifiedWith(Answer):
    """The secret that verified a webhook; never its value."""

    credential_id: Id
    field: str


class Replay(Answer):
    """One time that an event was brought up again."""

    at: Moment
    by: Annotated[str, Field(description="The prefix of an operator key, or `command`.")]
    was_state: EventState
    was_reason: str | None


class EventDetails(Event):
    """One event with what happened to it. `verified_with` and `replays` are for operators."""

    assurance: Annotated[
        Literal["body", "partial", "sender"],
        Field(description="What its signature covers; `sender`: nothing, the sender knows a token."),
    ]
    redelivered: Count
    redelivered_at: Moment | None
    next_attempt_at: Moment | None
    parked_until: Moment | None
    waits_for: Annotated[list[str], Field(description="The provider's names of the transaction it waits for.")]
    has_body: bool
    verified_with: VerifiedWith | None = None
    replays: list[Replay] = Field(default_factory=list)
    body: Annotated[str | None, Field(description="With `body=true`: the webhook, personal data and all.")] = None
    body_base64: Annotated[str, Field(description="In its place, when the webhook is no text.")] = ""
    headers: Annotated[dict[str, str] | None, Field(description="With `body=true`: those that were kept.")] = None


class ReplayedEvent(Answer):
    """What became of the wish to process an event again."""

    id: Id
    queued: Annotated[bool, Field(description="False: it was under way anyway, and nothing was done.")]
    was_state: EventState
    was_reason: str | None


class RedrivenEvents(Answer):
    """A page of dead events that were given another chance."""

    redriven: list[Id]
    body_gone: Annotated[list[Id], Field(description="These have no body any more and stay dead.")]
    next_cursor: NextId


class CredentialUse(Answer):
    """A secret that verifies, or verified, webhooks; never its value."""

    id: Id
    provider: ProviderName
    account: str
    field: str
    created_at: Moment
    retired_at: Moment | None
    webhooks_verified: Count
    last_used_at: Moment | None
    can_be_retired: Annotated[bool, Field(description="Nobody signs with it any more, and with a newer one they do.")]


class CredentialUseList(Answer):
    """Every secret of every account, the newest of a field first."""

    credentials: list[CredentialUse]


class Receipt(Answer):
    """The event is committed: its sender need not send it again."""

    received: Annotated[str, Field(description="The event's name, the provider's own where it has one.")]
    duplicate: Annotated[bool, Field(description="It was known already.")]
