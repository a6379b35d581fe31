"""The simulated Stripe account: its objects and the events they cause."""

import json
import secrets
import string
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from paylink_sandbox.deliveries import Event
from paylink_sandbox.documents import Document, Documents
from paylink_sandbox.registry import Frame
from paylink_sandbox.stripe.errors import resource_missing
from paylink_sandbox.stripe.settings import API_VERSION

SLUG = "stripe"

_ALPHABET = string.ascii_letters + string.digits
_TWICE = 0.1
"""Share of events that are delivered twice."""
_WRONG_BY = 100
_AMOUNT_FIELDS = ("amount", "amount_total", "amount_subtotal", "amount_received", "amount_captured")

# What resource_missing calls an object, and the parameter it blames when the id stood in the path.
_NOUNS = {
    "checkout.session": "session",
    "payment_intent": "intent",
    "charge": "charge",
    "refund": "refund",
    "dispute": "dispute",
    "event": "id",
    "balance_transaction": "id",
    "payout": "payout",
}


@dataclass(frozen=True)
class Cause:
    """The API request behind an event; both None when the payer or the clock caused it."""

    request_id: str | None = None
    idempotency_key: str | None = None


_cause: ContextVar[Cause] = ContextVar("cause", default=Cause())  # noqa: B039  (Cause is frozen)


@contextmanager
def caused_by(cause: Cause) -> Iterator[None]:
    token = _cause.set(cause)
    try:
        yield
    finally:
        _cause.reset(token)


class Account:
    """Kinds are Stripe's `object` names. Changes need `transaction()` around them."""

    def __init__(self, frame: Frame) -> None:
        self.frame = frame
        self._documents = Documents(frame.store, SLUG, indexed=("payment_intent", "charge"))

    def transaction(self) -> AbstractContextManager[None]:
        return self.frame.store.transaction()

    def now(self) -> int:
        return int(self.frame.now())

    def new_id(self, prefix: str, length: int = 24) -> str:
        return prefix + "".join(secrets.choice(_ALPHABET) for _ in range(length))

    def add(self, document: Document) -> Document:
        self._documents.add(document["object"], document["id"], document["created"], document)
        return document

    def save(self, document: Document) -> None:
        self._documents.replace(document["object"], document["id"], document)

    def find(self, kind: str, object_id: str) -> Document | None:
        return self._documents.get(kind, object_id)

    def get(self, kind: str, object_id: str, param: str | None = None) -> Document:
        """Raises resource_missing, naming `param`, or the id in the path."""
        document = self._documents.get(kind, object_id)
        if document is None:
            raise resource_missing(kind, object_id, param or _NOUNS[kind])
        return document

    def position(self, kind: str, object_id: str, param: str) -> int:
        """Raises resource_missing."""
        position = self._documents.position(kind, object_id)
        if position is None:
            raise resource_missing(kind, object_id, param)
        return position

    def newest(self, kind: str, **conditions: Any) -> list[Document]:
        """See Documents.newest."""
        return self._documents.newest(kind, **conditions)

    def all_of(self, kind: str, **fields: str) -> list[Document]:
        """Every object with these field values, newest first."""
        return self._documents.newest(kind, where=fields, limit=-1)

    def forget(self, kind: str, object_id: str) -> bool:
        """Return whether it was there."""
        return self._documents.forget(kind, object_id)

    def keep(self, kind: str, key: str, body: Document) -> None:
        """Store something that is no Stripe object."""
        self._documents.add(kind, key, self.now(), body)

    def forget_before(self, kind: str, created: float) -> None:
        self._documents.forget_before(kind, created)

    def emit(self, events: Mapping[str, Document], reference: str | None, previous: Document | None = None) -> None:
        """
        Record events (type to object, snapshot taken now) and plan their webhooks, in random order and a few twice.

        previous: earlier values of changed fields, for `*.updated`.
        """
        planned = [
            (self._add_event(type, document, previous if type.endswith(".updated") else None))
            for type, document in events.items()
        ]
        self.frame.config.chance.shuffle(planned)
        for event in planned:
            copies = 2 if self.frame.config.chance.random() < _TWICE else 1
            self.frame.deliveries.enqueue(
                Event(
                    provider=SLUG,
                    id=event["id"],
                    type=event["type"],
                    reference=reference,
                    url=self.frame.config.webhook_url(SLUG),
                    body=dump(event),
                    wrong_amount=_wrong_amount(event),
                ),
                copies,
            )

    def _add_event(self, type: str, document: Document, previous: Document | None) -> Document:
        cause = _cause.get()
        data: Document = {"object": document}
        if previous:
            data["previous_attributes"] = previous
        return self.add(
            {
                "id": self.new_id("evt_1"),
                "object": "event",
                "api_version": API_VERSION,
                "created": self.now(),
                "data": data,
                "livemode": False,
                "pending_webhooks": 1,
                "request": {"id": cause.request_id, "idempotency_key": cause.idempotency_key},
                "type": type,
            }
        )


def dump(document: Document) -> bytes:
    """Indented and not escaped, as Stripe sends it: a receiver that parses and dumps again breaks the signature."""
    return json.dumps(document, indent=2, ensure_ascii=False).encode()


def _wrong_amount(event: Document) -> Callable[[], bytes]:
    def body() -> bytes:
        wrong = json.loads(json.dumps(event))
        changed = wrong["data"]["object"]
        for field in _AMOUNT_FIELDS:
            if changed.get(field):
                changed[field] += _WRONG_BY
        return dump(wrong)

    return body
