"""The query of GET /v1/tx, as the API documents it."""

import base64
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from paylink.core.errors import FieldProblem, InvalidFields
from paylink.core.money import AMOUNT_MAX
from paylink.core.states import State
from paylink.core.text import is_printable
from paylink.runtime.query import Reader, read_limit, read_moment, read_text, read_values, read_whole
from paylink.store.listing import Position, TransactionFilter

METADATA_MAX = 3
_CURRENCY = re.compile(r"[A-Z]{3}\Z", re.ASCII)
_PROVIDER = re.compile(r"[a-z0-9_-]{1,32}\Z", re.ASCII)
_METADATA = re.compile(r"metadata\[([A-Za-z0-9_.-]{1,40})\]\Z", re.ASCII)
_METADATA_VALUE_MAX = 500
_REFERENCE_MAX = 64

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_MARK_SIZE = 8


@dataclass(frozen=True)
class TransactionQuery:
    """`mark` names the list: whose it is and by which filters, but not where a page of it begins or how long it is."""

    wanted: TransactionFilter
    mark: bytes

    def cursor(self, position: Position | None) -> str | None:
        """
        Return the text that brings the page after a position.

        It is not secret, and forging one gains nothing: it only tells where in the caller's own list to go on.
        """
        if position is None:
            return None
        created_at, transaction_id = position
        microseconds = (created_at - _EPOCH) // _MICROSECOND
        content = self.mark + microseconds.to_bytes(8, "big", signed=True) + transaction_id.bytes
        return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def parse_transaction_query(merchant_id: UUID, given: Mapping[str, str]) -> TransactionQuery:
    """
    Raises:
        InvalidFields: With one entry per wrong parameter.
    """
    metadata = {name: match[1] for name in given if (match := _METADATA.match(name))}
    values = read_values(given, READERS | dict.fromkeys(metadata, _metadata_value))
    problems = _contradictions(values, len(metadata))
    filters = {_FIELDS.get(name, name): value for name, value in values.items() if name not in (*metadata, "cursor")}
    wanted = TransactionFilter(**filters, metadata={metadata[name]: values[name] for name in sorted(metadata)})
    mark = _mark(merchant_id, wanted)
    if "cursor" in values:
        after = _position(values["cursor"], mark)
        if after is None:
            problems.append(FieldProblem("cursor", "a next_cursor of this list, under the same filters, is needed"))
        wanted = replace(wanted, after=after)
    if problems:
        raise InvalidFields(fields=problems)
    return TransactionQuery(wanted, mark)


def _contradictions(values: Mapping[str, Any], metadata: int) -> list[FieldProblem]:
    problems = []
    amounts = [name for name in ("amount", "amount_min", "amount_max") if name in values]
    if amounts and "currency" not in values:
        problems.append(FieldProblem("currency", f"required beside {amounts[0]}: each currency has its own unit"))
    if "amount" in values and len(amounts) > 1:
        problems.append(FieldProblem(amounts[1], "not beside amount"))
    if metadata > METADATA_MAX:
        problems.append(FieldProblem("metadata", f"at most {METADATA_MAX} entries"))
    return problems


def _mark(merchant_id: UUID, wanted: TransactionFilter) -> bytes:
    filters = repr(replace(wanted, limit=0, after=None))
    return hashlib.sha256(merchant_id.bytes + filters.encode()).digest()[:_MARK_SIZE]


def _position(cursor: str, mark: bytes) -> Position | None:
    try:
        content = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        if len(content) != _MARK_SIZE + 24 or content[:_MARK_SIZE] != mark:
            return None
        microseconds = int.from_bytes(content[_MARK_SIZE : _MARK_SIZE + 8], "big", signed=True)
        return _EPOCH + microseconds * _MICROSECOND, UUID(bytes=content[_MARK_SIZE + 8 :])
    except (ValueError, OverflowError):
        return None


def _states(value: Any) -> tuple[str, ...]:
    states = tuple(sorted(set(read_text(value).split(","))))
    if any(state not in _STATES for state in states):
        raise ValueError(f"one or more of {', '.join(_STATES)}, joined by commas, are needed")
    return states


def _provider(value: Any) -> str:
    if not _PROVIDER.match(read_text(value)):
        raise ValueError("the name of a provider is needed")
    return str(value)


def _currency(value: Any) -> str:
    if not _CURRENCY.match(read_text(value)):
        raise ValueError("three upper-case letters are needed, such as IDR")
    return str(value)


def _reference(value: Any) -> str:
    if len(read_text(value)) > _REFERENCE_MAX:
        raise ValueError(f"at most {_REFERENCE_MAX} characters")
    return str(value)


def _amount(value: Any) -> int:
    return read_whole(value, 1, AMOUNT_MAX)


def _metadata_value(value: Any) -> str:
    if not is_printable(value) or not 0 < len(value) <= _METADATA_VALUE_MAX:
        raise ValueError(f"a text of 1 to {_METADATA_VALUE_MAX} printable characters is needed")
    return str(value)


_STATES = tuple(state.value for state in State)
_FIELDS = {"state": "states"}
READERS: dict[str, Reader] = {
    "state": _states,
    "provider": _provider,
    "currency": _currency,
    "order_reference": _reference,
    "amount": _amount,
    "amount_min": _amount,
    "amount_max": _amount,
    "since": read_moment,
    "until": read_moment,
    "cursor": read_text,
    "limit": read_limit,
}
