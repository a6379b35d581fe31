"""Events of providers, dead letters, and the secrets that verify."""

from collections.abc import Mapping

from openapi.answers import events as answers
from openapi.operation import Answered, Operation, Problems, Tag
from openapi.operations.notes import PAGE, SPAN
from openapi.requests import RedriveRequest
from paylink.core import errors
from paylink.runtime import event_request
from paylink.runtime.query import Reader, read_text

_NOTES = (
    PAGE
    | {name: f"When it was received. {note}" for name, note in SPAN.items()}
    | {
        "state": "Where it stands.",
        "reason": "Why it is in its state, such as `no_transaction`.",
        "provider": "Whose webhook it is.",
        "account": "The account's name.",
        "event_id": "The provider's name of the event.",
        "transaction_id": "Events that speak of this transaction.",
    }
)
_BODY_NOTE = {"body": "Whether the webhook itself is told as well. It holds personal data."}
_BODY = {"body": event_request.READERS["operator"]}
_QUEUED = (
    Answered(200, "It was under way anyway, and nothing was done.", answers.ReplayedEvent),
    Answered(202, "It is in flight again and queued.", answers.ReplayedEvent),
)
_REPLAY: Problems = (errors.NotFound, errors.BodyGone)


def _readers(names: frozenset[str]) -> Mapping[str, Reader]:
    return {name: event_request.READERS.get(name, read_text) for name in sorted(names)}


OPERATIONS = (
    Operation(
        "GET",
        "/v1/events",
        "list_events",
        Tag.EVENTS,
        "List events",
        "The webhooks that were answered with 2xx, the newest first. A merchant's key sees those of its accounts.",
        answers=(
            Answered(
                200,
                "A page.",
                answers.EventList,
                links={
                    "newest": ("get_event", {"id": "$response.body#/events/0/id"}),
                    "replay_newest": ("replay_event", {"id": "$response.body#/events/0/id"}),
                },
            ),
        ),
        caller="either",
        scope="events:read",
        query=_readers(event_request.EVENT_NAMES),
        query_notes=_NOTES,
    ),
    Operation(
        "GET",
        "/v1/events/{id}",
        "get_event",
        Tag.EVENTS,
        "Show an event",
        "One event with what happened to it.",
        answers=(
            Answered(
                200,
                "The event.",
                answers.EventDetails,
                links={"replay": ("replay_event", {"id": "$response.body#/id"})},
            ),
        ),
        caller="either",
        scope="events:read",
        query=_BODY,
        query_notes=_BODY_NOTE,
        problems=(errors.NotFound,),
    ),
    Operation(
        "POST",
        "/v1/events/{id}/replay",
        "replay_event",
        Tag.EVENTS,
        "Process an event again",
        "Whatever its end was; an effect that it had is not repeated.",
        answers=_QUEUED,
        caller="operator",
        scope="events:write",
        problems=_REPLAY,
    ),
    Operation(
        "GET",
        "/v1/dead-letters",
        "list_dead_letters",
        Tag.EVENTS,
        "List dead letters",
        "The events that were given up, the newest first.",
        answers=(
            Answered(
                200,
                "A page.",
                answers.EventList,
                links={
                    "newest": ("get_dead_letter", {"id": "$response.body#/events/0/id"}),
                    "redrive_newest": ("redrive_dead_letter", {"id": "$response.body#/events/0/id"}),
                },
            ),
        ),
        caller="operator",
        scope="events:read",
        query=_readers(event_request.DEAD_LETTER_NAMES),
        query_notes=_NOTES,
    ),
    Operation(
        "GET",
        "/v1/dead-letters/{id}",
        "get_dead_letter",
        Tag.EVENTS,
        "Show a dead letter",
        "One event that was given up.",
        answers=(Answered(200, "The event.", answers.EventDetails),),
        caller="operator",
        scope="events:read",
        query=_BODY,
        query_notes=_BODY_NOTE,
        problems=(errors.NotFound,),
    ),
    Operation(
        "POST",
        "/v1/dead-letters/{id}/redrive",
        "redrive_dead_letter",
        Tag.EVENTS,
        "Give a dead event another chance",
        "The same as a replay, for a dead event.",
        answers=_QUEUED,
        caller="operator",
        scope="events:write",
        problems=_REPLAY,
    ),
    Operation(
        "POST",
        "/v1/dead-letters/redrive",
        "redrive_dead_letters",
        Tag.EVENTS,
        "Give dead events another chance",
        "Replays a page of the dead events. Call it with `cursor` until `next_cursor` is null.",
        answers=(Answered(200, "The page.", answers.RedrivenEvents),),
        caller="operator",
        scope="events:write",
        body=RedriveRequest,
        body_optional=True,
    ),
    Operation(
        "GET",
        "/v1/credentials",
        "list_credentials",
        Tag.EVENTS,
        "List the secrets that verify webhooks",
        "Live and retired, the newest of a field first; never a value.",
        answers=(Answered(200, "The secrets.", answers.CredentialUseList),),
        caller="operator",
        scope="events:read",
    ),
)
