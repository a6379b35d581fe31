"""API keys."""

from openapi.answers import operators as answers
from openapi.operation import Answered, Operation, Tag
from openapi.operations.notes import PAGE
from paylink.core import errors
from paylink.runtime.event_request import READERS
from paylink.runtime.operator_request import KeyRequest, RotationRequest
from paylink.runtime.query import read_limit, read_text, read_uuid

_ID = {"id": "$response.body#/id"}
_CREATED = ("Location", "Idempotency-Replayed")
_NEXT = {"key": ("get_key", _ID), "rotate": ("rotate_key", _ID), "revoke": ("revoke_key", _ID)}

OPERATIONS = (
    Operation(
        "GET",
        "/v1/keys",
        "list_keys",
        Tag.OPERATORS,
        "List API keys",
        "The newest first; never a key itself.",
        answers=(Answered(200, "A page.", answers.KeyList),),
        caller="operator",
        scope="merchants:read",
        query={
            "merchant_id": read_uuid,
            "operator": READERS["operator"],
            "state": READERS["state"],
            "pepper": read_text,
            "limit": read_limit,
            "cursor": read_uuid,
        },
        query_notes=PAGE
        | {
            "merchant_id": "Whose keys.",
            "operator": "`true`: only those of operators; `false`: only those of merchants.",
            "state": "Where it stands.",
            "pepper": "The secret that its stored hash was made under.",
        },
    ),
    Operation(
        "POST",
        "/v1/keys",
        "create_key",
        Tag.OPERATORS,
        "Make an API key",
        "Of a merchant, or with `operator: true` of an operator. "
        "An operator's key can give another only scopes that it has itself.",
        answers=(Answered(201, "The key, told this once.", answers.IssuedKey, _CREATED, _NEXT),),
        caller="operator",
        scope="merchants:write",
        body=KeyRequest,
        once=True,
        problems=(errors.IdempotencyKeyReused,),
    ),
    Operation(
        "GET",
        "/v1/keys/{id}",
        "get_key",
        Tag.OPERATORS,
        "Show an API key",
        "One key, without the key itself.",
        answers=(Answered(200, "The key.", answers.Key),),
        caller="operator",
        scope="merchants:read",
        problems=(errors.NotFound,),
    ),
    Operation(
        "POST",
        "/v1/keys/{id}/rotate",
        "rotate_key",
        Tag.OPERATORS,
        "Rotate an API key",
        "Makes a successor with the same name and scopes; the old key lives on for `overlap_hours`.",
        answers=(Answered(201, "The successor, told this once.", answers.RotatedKey, _CREATED, _NEXT),),
        caller="operator",
        scope="merchants:write",
        body=RotationRequest,
        body_optional=True,
        once=True,
        problems=(errors.NotFound, errors.KeyEnded, errors.IdempotencyKeyReused),
    ),
    Operation(
        "POST",
        "/v1/keys/{id}/revoke",
        "revoke_key",
        Tag.OPERATORS,
        "Revoke an API key",
        "Ends it at once.",
        answers=(Answered(200, "The key.", answers.Key),),
        caller="operator",
        scope="merchants:write",
        problems=(errors.NotFound, errors.LastOperatorKey),
    ),
)
