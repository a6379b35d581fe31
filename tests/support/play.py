"""A recorded history played once more, under names of its own: as its webhooks, and as the provider who is asked."""

import contextlib
import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from paylink.providers.payments import ATTEMPT, Payment, PaymentQuery, PaymentRequest, Reference, attempt_of
from paylink.providers.port import Account, Capabilities, Effect, ErrorKind, Provider, ProviderError, UnreadableEvent
from support.histories import History
from support.signing_as import signed_as

_FRESH = 12
"""So many characters at the end of each of the provider's ids are new in each play."""


class Play:
    """
    One performance of a history. Its names follow from the attempt alone, so that other processes give the same one.

    `stage` is how far the provider is: what it answers, when asked. `while_asked` happens once, between the making of
    its next answer and the arrival here.
    """

    def __init__(self, history: History, attempt_id: str, adapter: Provider, environ: Mapping[str, str]) -> None:
        self.history = history
        self.stage = 0
        self.while_asked: Callable[[], None] | None = None
        self._environ = environ
        old_attempt = attempt_of(history.created.references)
        ids = _ids(history, adapter) - {str(old_attempt)}
        # The longer first: one may be part of another.
        self._names = {value: self._fresh(value, attempt_id) for value in sorted(ids, key=len, reverse=True)}
        self._names[str(old_attempt)] = attempt_id

    @staticmethod
    def _fresh(value: str, attempt_id: str) -> str:
        assert len(value) >= _FRESH + 4, value
        return value[:-_FRESH] + hashlib.sha256(f"{attempt_id} {value}".encode()).hexdigest()[:_FRESH]

    def _renamed(self, text: str) -> str:
        for old, new in self._names.items():
            text = text.replace(old, new)
        return text

    def webhook(self, number: int) -> tuple[bytes, dict[str, str]]:
        """Return a webhook of the history, signed now."""
        sent = self.history.webhooks[number]
        raw, signature = signed_as(self.history.script.slug, self._environ, self._renamed(sent.raw.decode()).encode())
        return raw, {name: self._renamed(value) for name, value in sent.headers.items()} | signature

    @property
    def created(self) -> Payment:
        return self._payment(self.history.created)

    @property
    def references(self) -> set[Reference]:
        """All names that the provider ever tells."""
        payments = [answer for answer in self.history.answers if isinstance(answer, Payment)]
        return {
            reference
            for payment in [self.history.created, *payments]
            for reference in self._payment(payment).references
        }

    def answer(self) -> Payment:
        """
        Raises:
            ProviderError: As the provider did.
        """
        answer = self.history.answers[self.stage]
        meanwhile, self.while_asked = self.while_asked, None
        if meanwhile is not None:
            meanwhile()
        if isinstance(answer, ProviderError):
            raise answer
        return self._payment(answer)

    def _payment(self, payment: Payment) -> Payment:
        return replace(
            payment,
            references=tuple(Reference(r.kind, self._renamed(r.value)) for r in payment.references),
            also_paid=tuple(Reference(r.kind, self._renamed(r.value)) for r in payment.also_paid),
        )


def _ids(history: History, adapter: Provider) -> set[str]:
    """Return every id that the provider gave: of the payment's parts and of the events themselves."""
    payments = [answer for answer in history.answers if isinstance(answer, Payment)]
    found = {reference.value for payment in [history.created, *payments] for reference in payment.references}
    for webhook in history.webhooks:
        with contextlib.suppress(UnreadableEvent):
            found |= {reference.value for reference in adapter.map_webhook(webhook.raw).references}
        found |= {value for value in (json.loads(webhook.raw).get("id"), webhook.headers.get("webhook-id")) if value}
    return found


class PlayedProvider:
    """A provider's real adapter, which reads webhooks as ever; what it is asked is answered by plays."""

    def __init__(self, adapter: Provider, environ: Mapping[str, str]) -> None:
        self._adapter = adapter
        self._environ = environ
        self.histories: dict[str, History] = {}
        """What the order of this reference will become."""
        self.plays: dict[Reference, Play] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._adapter, name)

    @property
    def capabilities(self) -> Capabilities:
        """The adapter's, of a provider that may be asked as fast as we can."""
        return replace(self._adapter.capabilities, pulls_per_s=100_000)

    def play(self, history: History, attempt_id: str) -> Play:
        play = Play(history, attempt_id, self._adapter, self._environ)
        self.plays |= dict.fromkeys(play.references, play)
        return play

    def create_payment(self, account: Account, request: PaymentRequest) -> Payment:
        return self.play(self.histories.pop(request.order_reference), str(request.attempt_id)).created

    def fetch_payment(self, account: Account, query: PaymentQuery) -> Payment:
        for reference in query.references:
            if reference in self.plays:
                return self.plays[reference].answer()
        raise ProviderError(ErrorKind.NOT_FOUND, "unknown_payment", effect=Effect.NOTHING)

    def of_attempt(self, attempt_id: str) -> Play:
        return self.plays[Reference(ATTEMPT, attempt_id)]
