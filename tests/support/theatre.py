"""PayLink on a real database, with recorded histories as its providers, and a test as its queue."""

import hashlib
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any
from uuid import UUID

import psycopg2
import psycopg2.extras

from paylink.core.errors import StorageUnavailable
from paylink.core.money import Money
from paylink.core.states import Dispute, State
from paylink.core.tracing import NO_TRACES, Traces
from paylink.providers.payments import Payment, PaymentRequest
from paylink.providers.port import Account
from paylink.runtime.wiring import Deps
from paylink.services.checkout_order import CheckoutOrder
from paylink.services.intake import Receipt
from support.histories import AMOUNT, End, History
from support.play import Play, PlayedProvider
from support.stack import NO_ANSWER, Answer, Stack

_SENDER = "192.0.2.1"
_STORED = Answer(200, {}, None)
_SENT_MAX = 3
_ROUNDS = 12
"""More than a claim that is never confirmed is asked about."""


class HeldQueue:
    """Keeps what is sent. The test delivers it: in which order, how often and in which portions is its own business."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._held: list[UUID] = []
        self.dead: list[tuple[UUID, str]] = []

    def send(self, event_row_ids: Sequence[UUID], delay_s: float = 0, traces: Traces = NO_TRACES) -> None:
        del delay_s  # it comes when the test likes
        with self._lock:
            self._held += event_row_ids

    def send_dead(self, event_row_id: UUID, reason: str) -> None:
        with self._lock:
            self.dead.append((event_row_id, reason))

    def depth(self) -> int:
        return 0

    def take(self) -> list[UUID]:
        with self._lock:
            taken, self._held = self._held, []
        return taken


@dataclass(frozen=True)
class Told:
    """What the merchant is told, and the history behind it."""

    history: list[dict[str, Any]]
    notifications: list[dict[str, Any]]

    @property
    def end(self) -> End:
        return end_of(self.history[-1])


def end_of(row: dict[str, Any]) -> End:
    dispute = Dispute(row["dispute"]) if row["dispute"] else None
    return State(row["state"]), row["captured"], row["refunded"], dispute


class Theatre:
    """Stages histories: makes their checkouts, delivers their webhooks, processes them."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self.queue = HeldQueue()
        self.providers = {
            slug: PlayedProvider(adapter, stack.environ) for slug, adapter in stack.deps.providers.items()
        }
        self.deps = Deps(stack.deps.settings)
        # As wiring would have built them.
        vars(self.deps).update(providers=self.providers, queue=self.queue)
        self._pool = ThreadPoolExecutor(4)

    def close(self) -> None:
        self._pool.shutdown()
        self.deps.refusals.close()
        self.deps.database.close()
        self._connection.close()

    def open(self, history: History, *, early: Callable[[Play], None] = lambda play: None) -> "Staged":
        """Make the order. `early` happens while the provider has made the page, and we do not know it yet."""
        slug, reference = history.script.slug, str(self.deps.parts.new_id())
        provider = self.providers[slug]
        provider.histories[reference] = history

        def created(account: Account, request: PaymentRequest) -> Payment:
            payment = PlayedProvider.create_payment(provider, account, request)
            early(provider.of_attempt(str(request.attempt_id)))
            return payment

        vars(provider)["create_payment"] = created
        order = CheckoutOrder(
            provider=slug,
            amount=Money(AMOUNT, "IDR"),
            order_reference=reference,
            success_url="https://example.com/thanks",
            failure_url=None,
            description=None,
            customer_name=None,
            customer_email=None,
            metadata={},
            expires_in_s=None,
            fingerprint=hashlib.sha256(reference.encode()).digest(),
        )
        answer = self.deps.checkout.create(self._merchant_id, reference, order)
        assert answer.status == 201, answer
        transaction_id = UUID(str(answer.body["id"]))
        attempt = self.rows("select attempt_id from transactions where id = %s", transaction_id)[0]["attempt_id"]
        return Staged(transaction_id, str(attempt), provider.of_attempt(str(attempt)))

    @cached_property
    def _merchant_id(self) -> UUID:
        merchant_id: UUID = self.rows("select id from merchants")[0]["id"]
        return merchant_id

    def deliver(self, play: Play, number: int, *, copies: int = 1) -> None:
        """Have one webhook arrive, or several copies of it at the same time. One of them is new at most."""
        raw, headers = play.webhook(number)
        receive = partial(self.deps.intake.receive, play.history.script.slug, None, raw, headers, lambda: _SENDER)
        if copies == 1:
            self._send_until_taken(receive)
        else:
            assert sum(self._pool.map(lambda _: self._send_until_taken(receive), range(copies))) <= 1

    def _send_until_taken(self, receive: Callable[[], Receipt]) -> bool:
        """Send again while the answer is 503, as each provider does: the machine stood still. Return if it was new."""
        for _ in range(_SENT_MAX):
            try:
                new = receive().new.result()
            except StorageUnavailable:
                self.count_answers(0, broken=1)
            else:
                self.count_answers(1)
                return new
        raise AssertionError(f"{_SENT_MAX} times in a row the database could not answer")

    def process(self, ids: Sequence[UUID], *, one_by_one: bool = False) -> None:
        failed = self.deps.processing.process(ids, one_by_one=one_by_one)
        assert not failed, failed

    def process_at_once(self, ids: Sequence[UUID]) -> None:
        """Each event in a thread of its own, and all of them in one more: as if messages were delivered twice."""
        failed = list(self._pool.map(self.deps.processing.process, [ids, *([i] for i in ids)]))
        assert not any(failed), failed

    def finish(self) -> None:
        """Let time pass until every event has its outcome, and none is dead."""
        self.exhaust()
        assert not self.queue.dead, self.queue.dead

    def exhaust(self) -> None:
        """Let time pass until every event has its outcome, whichever."""
        for _ in range(_ROUNDS):
            self.process([*self.queue.take(), *self.unfinished()])
            if not self.unfinished():
                return
            self.make_due()
            self.relay()
        raise AssertionError(f"{self.unfinished()} never ended")

    def make_due(self) -> None:
        self._stack.make_due()

    def relay(self) -> None:
        self.deps.relay.relay()

    @property
    def environ(self) -> dict[str, str]:
        return self._stack.environ

    def unfinished(self) -> list[UUID]:
        rows = self.rows(
            "select event_row_id as id from unfinished_events where next_attempt_at is not null order by id"
        )
        return [row["id"] for row in rows]

    def count_answers(self, answered: int, *, broken: int = 0) -> None:
        """The providers were told 2xx so often, and so often nothing at all."""
        self._stack.received += [_STORED] * answered + [NO_ANSWER] * broken

    def assert_accounting_closes(self) -> None:
        """Promise 2, so far. What was unclear to a provider is counted as it then turns out to be."""
        self._stack.assert_accounting_closes()
        totals = self.rows("select coalesce(sum(new + redelivered), 0) as stored from webhook_accounting")
        self._stack.received[:] = [_STORED] * int(totals[0]["stored"])

    def told(self, staged: "Staged") -> Told:
        history = self.rows(
            "select version, state, implied, captured, refunded, dispute from transaction_history"
            " where transaction_id = %s order by version",
            staged.transaction_id,
        )
        notifications = self.rows(
            "select version, body ->> 'state' as state, (body ->> 'captured')::bigint as captured,"
            " (body ->> 'refunded')::bigint as refunded, body ->> 'dispute' as dispute"
            " from merchant_notifications where transaction_id = %s order by version",
            staged.transaction_id,
        )
        return Told(history, notifications)

    @cached_property
    def _connection(self) -> Any:
        connection = psycopg2.connect(self._stack.environ["PAYLINK_DATABASE_URL"])
        connection.autocommit = True
        return connection

    def rows(self, sql: str, *parameters: Any) -> list[dict[str, Any]]:
        with self._connection.cursor(cursor_factory=psycopg2.extras.RealDictCursor) as cursor:
            cursor.execute(sql, parameters)
            return [dict(row) for row in cursor.fetchall()] if cursor.description else []


@dataclass(frozen=True)
class Staged:
    transaction_id: UUID
    attempt_id: str
    play: Play
