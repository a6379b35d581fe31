"""What operators ask events by: query parameters, a JSON body, or a command's options, all read alike."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any
from uuid import UUID

from chalice.app import Request

from paylink.core.errors import FieldProblem, InvalidFields, MalformedRequest
from paylink.runtime.http import raw_body, read_json
from paylink.runtime.query import Reader, read_limit, read_moment, read_text, read_uuid, read_values
from paylink.store.operations import EVENT_STATES, EventFilter
from paylink.store.pages import Page

_NO_READERS: Mapping[str, Reader] = MappingProxyType({})

DEAD_LETTER_NAMES = frozenset({"reason", "provider", "account", "event_id", "since", "until", "cursor", "limit"})
EVENT_NAMES = DEAD_LETTER_NAMES | {"state", "transaction_id"}


def parse_query(request: Request) -> dict[str, str]:
    """
    Return the query's parameters.

    Raises:
        InvalidFields: One stands twice.
    """
    query = request.query_params
    if query is None:
        return {}
    twice = [name for name in query if len(query.getlist(name)) > 1]
    if twice:
        raise InvalidFields(fields=[FieldProblem(name, "stands twice") for name in twice])
    return dict(query)


def parse_body(request: Request) -> dict[str, Any]:
    """
    Return the fields of a JSON body; none without a body.

    Raises:
        MalformedRequest: It is no JSON object.
    """
    if not raw_body(request).strip():
        return {}
    body = read_json(request)
    if not isinstance(body, dict):
        raise MalformedRequest("the body is a JSON object")
    return body


def parse_filter(given: Mapping[str, Any], names: frozenset[str]) -> EventFilter:
    """
    Read a filter of which `names` may be given.

    Raises:
        InvalidFields: With one entry per wrong one.
    """
    return EventFilter(**read_values(given, {name: READERS.get(name, read_text) for name in names}))


def parse_page(given: Mapping[str, Any], names: frozenset[str], readers: Mapping[str, Reader] = _NO_READERS) -> Page:
    """
    Read a page of a list whose filters are `names`; `cursor` and `limit` may be given as well.

    readers: of those fields that this list reads in a way of its own.

    Raises:
        InvalidFields: With one entry per wrong one.
    """
    known = {name: readers.get(name) or READERS.get(name, read_text) for name in names | {"cursor", "limit"}}
    values = read_values(given, known)
    shape = {name: values.pop(name) for name in ("cursor", "limit") if name in values}
    return Page(values, **shape)


def parse_flag(given: Mapping[str, Any], name: str) -> bool:
    """
    Read a flag of the query, the only parameter that may be given.

    Raises:
        InvalidFields: It is neither true nor false, or there is another.
    """
    return bool(read_values(given, {name: _flag}).get(name, False))


def parse_id(text: str) -> UUID:
    """
    Raises:
        InvalidFields: It is no UUID.
    """
    try:
        return read_uuid(text)
    except ValueError as exc:
        raise InvalidFields(fields=[FieldProblem("id", str(exc))]) from exc


def _flag(value: Any) -> bool:
    if value not in ("true", "false"):
        raise ValueError("true or false is needed")
    return bool(value == "true")


def one_of(choices: tuple[str, ...]) -> Reader:
    """Return a reader that takes one of these texts."""

    def read(value: Any) -> str:
        if value not in choices:
            raise ValueError(f"one of {', '.join(choices)} is needed")
        return str(value)

    return read


READERS: dict[str, Reader] = {
    "state": one_of(EVENT_STATES),
    "transaction_id": read_uuid,
    "merchant_id": read_uuid,
    "subject_id": read_uuid,
    "operator": _flag,
    "cursor": read_uuid,
    "since": read_moment,
    "until": read_moment,
    "limit": read_limit,
}
