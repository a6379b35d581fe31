"""The simulated Xendit account: its objects and the events they cause."""

import secrets
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from paylink_sandbox.deliveries import Event
from paylink_sandbox.documents import Document, Documents
from paylink_sandbox.registry import Frame
from paylink_sandbox.xendit.exact_json import dump, load

SLUG = "xendit"
USER_ID = "5f0000000000000000000001"

_INDEXED = ("external_id", "invoice_id", "payment_id", "status")
_TWICE = 0.1
"""Share of events that are delivered twice."""
_WRONG_BY = 100
_PART = 100


class Account:
    """
    Kinds: invoice, page, refund, dispute, transaction, idempotency. Changes need `transaction()` around them.

    Amounts in documents are int or Decimal, so a document is kept as text of its own beside its indexed fields.
    """

    def __init__(self, frame: Frame) -> None:
        self.frame = frame
        self._documents = Documents(frame.store, SLUG, indexed=_INDEXED)

    def transaction(self) -> AbstractContextManager[None]:
        return self.frame.store.transaction()

    def now(self) -> float:
        return self.frame.now()

    def stamp(self) -> str:
        """The present as Xendit writes it: `2026-01-01T00:04:02.000Z`."""
        return timestamp(self.now())

    def provider_seconds_since(self, stamp: str) -> float:
        """How much of the provider's time has passed since one of its timestamps."""
        return (self.now() - epoch(stamp)) * self.frame.config.time_scale

    def add(self, kind: str, document_id: str, document: Document) -> Document:
        self._documents.add(kind, document_id, int(self.now()), _packed(document))
        return document

    def save(self, kind: str, document_id: str, document: Document) -> None:
        self._documents.replace(kind, document_id, _packed(document))

    def find(self, kind: str, document_id: str) -> Document | None:
        found = self._documents.get(kind, document_id)
        return _unpacked(found) if found else None

    def forget(self, kind: str, document_id: str) -> bool:
        """Return whether it was there."""
        return self._documents.forget(kind, document_id)

    def position(self, kind: str, document_id: str) -> int | None:
        """Place in the order of creation, for cursors."""
        return self._documents.position(kind, document_id)

    def all_of(
        self,
        kind: str,
        where: Mapping[str, str] | None = None,
        *,
        older_than: int | None = None,
        newer_than: int | None = None,
    ) -> list[Document]:
        """Every document with these values of indexed fields, newest first; bounds are positions."""
        found = self._documents.newest(kind, where=where, older_than=older_than, newer_than=newer_than, limit=-1)
        return [_unpacked(document) for document in found]

    def each_from(self, kind: str, older_than: int | None, id_of: Callable[[Document], str]) -> Iterator[Document]:
        """Every document below a position, newest first, read in parts: who stops early has not read them all."""
        while found := self._documents.newest(kind, older_than=older_than, limit=_PART):
            documents = [_unpacked(document) for document in found]
            yield from documents
            older_than = self._documents.position(kind, id_of(documents[-1]))

    def emit(self, type: str, body: Document, reference: str | None, amounts: tuple[str, ...]) -> None:
        """
        Plan the webhook of an event, now and then twice.

        type: the event's name here; invoice events have none on the wire. amounts: dotted paths of the numbers that
        the fault `webhook_wrong_amount` changes.
        """
        frame = self.frame
        event = Event(
            provider=SLUG,
            id=secrets.token_hex(16),
            type=type,
            reference=reference,
            url=frame.config.webhook_url(SLUG),
            body=dump(body),
            wrong_amount=lambda: _wrong(body, amounts),
        )
        frame.deliveries.enqueue(event, 2 if frame.config.chance.random() < _TWICE else 1)


def new_object_id(now: float) -> str:
    """24 hexadecimal characters that begin with the time."""
    return f"{int(now):08x}{secrets.token_hex(8)}"


def new_uuid(prefix: str = "") -> str:
    return f"{prefix}{uuid.uuid4()}"


def timestamp(epoch_s: float) -> str:
    return datetime.fromtimestamp(epoch_s, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def epoch(stamp: str) -> float:
    return datetime.fromisoformat(stamp).timestamp()


def _packed(document: Document) -> Document:
    fields = {name: document[name] for name in _INDEXED if name in document}
    return {**fields, "json": dump(document).decode()}


def _unpacked(stored: Document) -> Document:
    document: Document = load(stored["json"].encode())
    return document


def _wrong(body: Document, amounts: tuple[str, ...]) -> bytes:
    changed: Any = load(dump(body))
    for path in amounts:
        *parents, name = path.split(".")
        holder = changed
        for parent in parents:
            holder = holder[parent]
        value = holder[name]
        # Disputes write their amounts as text.
        holder[name] = str(Decimal(value) + _WRONG_BY) if isinstance(value, str) else value + _WRONG_BY
    return dump(changed)
