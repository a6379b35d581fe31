"""What operators ask events by: query parameters, a JSON body, or a command's options, all read alike."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from chalice.app import Request

from paylink.core.errors import FieldProblem, InvalidFields, MalformedRequest
from paylink.runtime.http import raw_body, read_json
from paylink.store.operations import EVENT_STATES, EventFilter

LIMIT_MAX = 200
_TEXT_MAX = 300

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
    problems = [FieldProblem(name, "unknown") for name in given if name not in names]
    values: dict[str, Any] = {}
    for name in sorted(names & given.keys()):
        read: Callable[[Any], Any] = _READERS.get(name, _text)
        try:
            values[name] = read(given[name])
        except ValueError as exc:
            problems.append(FieldProblem(name, str(exc)))
    if problems:
        raise InvalidFields(fields=problems)
    return EventFilter(**values)


def parse_flag(given: Mapping[str, Any], name: str) -> bool:
    """
    Read a flag of the query, the only parameter that may be given.

    Raises:
        InvalidFields: It is neither true nor false, or there is another.
    """
    problems = [FieldProblem(other, "unknown") for other in given if other != name]
    value = given.get(name, "false")
    if value not in ("true", "false"):
        problems.append(FieldProblem(name, "true or false is needed"))
    if problems:
        raise InvalidFields(fields=problems)
    return bool(value == "true")


def parse_id(text: str) -> UUID:
    """
    Raises:
        InvalidFields: It is no UUID.
    """
    try:
        return _uuid(text)
    except ValueError as exc:
        raise InvalidFields(fields=[FieldProblem("id", str(exc))]) from exc


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value.isprintable() or not 0 < len(value) <= _TEXT_MAX:
        raise ValueError(f"a text of 1 to {_TEXT_MAX} printable characters is needed")
    return value


def _state(value: Any) -> str:
    if value not in EVENT_STATES:
        raise ValueError(f"one of {', '.join(EVENT_STATES)} is needed")
    return str(value)


def _uuid(value: Any) -> UUID:
    try:
        return UUID(_text(value))
    except ValueError as exc:
        raise ValueError("a UUID is needed") from exc


def _moment(value: Any) -> datetime:
    try:
        moment = datetime.fromisoformat(_text(value))
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError) as exc:
        raise ValueError("a time is needed, such as 2026-01-31 or 2026-01-31T12:00:00Z") from exc


def _limit(value: Any) -> int:
    text = str(value) if type(value) is int else value
    if not isinstance(text, str) or not (text.isascii() and text.isdigit() and len(text) <= 4):
        raise ValueError("a whole number is needed")
    if not 1 <= int(text) <= LIMIT_MAX:
        raise ValueError(f"a whole number from 1 to {LIMIT_MAX} is needed")
    return int(text)


_READERS: dict[str, Callable[[Any], Any]] = {
    "state": _state,
    "transaction_id": _uuid,
    "cursor": _uuid,
    "since": _moment,
    "until": _moment,
    "limit": _limit,
}
