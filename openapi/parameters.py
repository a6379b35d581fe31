"""Parameters of paths and queries: what each reader of the functions takes, as JSON Schema."""

from collections.abc import Mapping
from typing import Any

from openapi.operation import Operation, Parameter
from paylink.core.discrepancies import Kind
from paylink.core.money import AMOUNT_MAX
from paylink.core.states import State
from paylink.core.text import PRINTABLE
from paylink.providers.registry import provider_slugs
from paylink.runtime import event_request, run_query, transaction_query
from paylink.runtime.query import LIMIT_MAX, Reader, read_limit, read_moment, read_text, read_uuid
from paylink.runtime.request_fields import CURRENCY
from paylink.runtime.request_model import IDEMPOTENCY_KEY, METADATA_NAME
from paylink.services.keys import KEY_STATES
from paylink.store.operations import EVENT_STATES

_UUID = {"type": "string", "format": "uuid"}
_TEXT = {"type": "string", "minLength": 1, "maxLength": 300, "pattern": PRINTABLE}
_MOMENT = {"anyOf": [{"type": "string", "format": "date-time"}, {"type": "string", "format": "date"}]}
_AMOUNT = {"type": "integer", "minimum": 1, "maximum": AMOUNT_MAX}
_PROVIDER = {"type": "string", "enum": list(provider_slugs())}
_ACCOUNT = {"type": "string", "pattern": "^[a-z0-9][a-z0-9_-]{0,62}$"}

_OF_READER: Mapping[Reader, Mapping[str, Any]] = {
    read_uuid: _UUID,
    read_moment: _MOMENT,
    read_limit: {"type": "integer", "minimum": 1, "maximum": LIMIT_MAX, "default": 50},
    read_text: _TEXT,
    event_request.READERS["operator"]: {"type": "boolean"},
    event_request.READERS["state"]: {"type": "string", "enum": list(EVENT_STATES)},
    run_query.FOUND["kind"]: {"type": "string", "enum": [kind.value for kind in Kind]},
    run_query.FOUND["state"]: {"type": "string", "enum": ["open", "resolved"]},
    transaction_query.READERS["state"]: {
        "type": "array",
        "items": {"type": "string", "enum": [state.value for state in State]},
        "minItems": 1,
    },
    transaction_query.READERS["provider"]: {"type": "string", "pattern": "^[a-z0-9_-]{1,32}$"},
    transaction_query.READERS["currency"]: {"type": "string", "pattern": CURRENCY},
    transaction_query.READERS["order_reference"]: {**_TEXT, "maxLength": 64},
    transaction_query.READERS["amount"]: _AMOUNT,
}
_KEY_STATES = {"type": "string", "enum": list(KEY_STATES)}

_METADATA = Parameter(
    "metadata",
    "What you stored under these names, exactly: `metadata[name]=text`; up to three names.",
    {
        "type": "object",
        "propertyNames": {"pattern": f"^{METADATA_NAME}$"},
        "additionalProperties": {"type": "string", "minLength": 1, "maxLength": 500, "pattern": PRINTABLE},
        "maxProperties": transaction_query.METADATA_MAX,
    },
    {"style": "deepObject", "explode": True},
)

_PATH: Mapping[str, Parameter] = {
    name: Parameter(name, description, schema)
    for name, description, schema in (
        ("transaction_id", "The transaction's `id`.", _UUID),
        ("refund_id", "The refund's `id`.", _UUID),
        ("id", "The `id` of what the path names.", _UUID),
        ("provider", "The provider's short name.", _PROVIDER),
        ("account", "The account's name.", _ACCOUNT),
        ("field", "One of the provider's credential fields, such as `secret_key`.", {**_TEXT, "maxLength": 100}),
    )
}


def path_parameters(operation: Operation) -> list[Parameter]:
    return [_PATH[part[1:-1]] for part in operation.path.split("/") if part.startswith("{")]


def query_parameters(operation: Operation) -> list[Parameter]:
    """
    Raises:
        KeyError: A parameter has no note, or its reader no schema.
    """
    found = [_parameter(name, reader, operation) for name, reader in operation.query.items()]
    return [*found, _METADATA] if operation.query is transaction_query.READERS else found


def _parameter(name: str, reader: Reader, operation: Operation) -> Parameter:
    schema = _KEY_STATES if operation.name == "list_keys" and name == "state" else _OF_READER[reader]
    style = {"style": "form", "explode": False} if schema.get("type") == "array" else {}
    return Parameter(name, operation.query_notes[name], schema, style)


IDEMPOTENCY_KEY_SCHEMA = {"type": "string", "minLength": 1, "maxLength": 255, "pattern": f"^{IDEMPOTENCY_KEY}$"}
