"""
Settling what came to no end: calls to providers whose answer never came, or whose process died.

Checkouts, refunds, cancellations and captures. A provider is asked what became of each, at growing distances, paid from
the pull budget of its account; nothing is guessed, and a person is told of what a day of asking has not settled.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import cycle
from uuid import UUID

from paylink.core.log_ids import log_ids
from paylink.core.refunds import UNANSWERED
from paylink.providers.http import calls_end_by
from paylink.providers.port import ErrorKind, ProviderError
from paylink.services.cancellation import Cancellation
from paylink.services.capturing import Capturing
from paylink.services.inquiry import Inquiry
from paylink.services.page_search import PageSearch
from paylink.services.ports import Parts
from paylink.services.refund_call import RefundCall, RefundWork
from paylink.store import transactions as tx
from paylink.store.arrays import text_array, uuid_array
from paylink.store.refunds import lock_refunds
from paylink.store.unit_of_work import Row, UnitOfWork

LAST_ONE_S = 20
"""How long the last one that is begun within a run's time may take its provider."""
TURN_WITHIN_S = 1.0
"""An account whose line is longer is left: others' providers may be asked all the same."""
TRIES_LAST_S = 6 * 3600
ALERT_AFTER_TRIES = 12
"""By then it has been asked about for a day: at 1, 2, 4 ... minutes, then every six hours."""


@dataclass(frozen=True)
class Resolved:
    """How many were looked at, and how many of these got no answer."""

    tried: int
    failed: int


@dataclass
class _Run:
    """Until when a run begins something, and whom it still asks: accounts of `providers` that it has not `left`."""

    stop_at: float
    providers: set[str]
    left: set[UUID] = field(default_factory=set)
    silent: set[str] = field(default_factory=set)

    def leave(self, account_id: UUID) -> None:
        self.left.add(account_id)

    def leave_silent(self, account_id: UUID, provider: str) -> None:
        """Leave an account; a provider that is silent to two is so to all, and waiting for each takes long."""
        self.leave(account_id)
        if provider in self.silent:
            self.providers.discard(provider)
        self.silent.add(provider)


class Resolution:
    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._inquiry = Inquiry(parts)
        self._pages = PageSearch(parts)
        self._refund_call = RefundCall(parts)
        self._cancellation = Cancellation(parts)
        self._capturing = Capturing(parts)

    def run(self, *, within_s: float) -> Resolved:
        """
        Go on with everything that is due, as far as the time allows: one of each kind in turn, so that none waits for
        all of another. Safe to run twice at once.

        Raises:
            StorageUnavailable: The database cannot answer.
        """
        run = _Run(time.monotonic() + within_s, set(self._parts.providers))
        kinds: list[tuple[str, str, Callable[[Row], None]]] = [
            ("claim_unknown_attempt", "attempt_id", lambda row: self._pages.settle(row["transaction_id"], row["id"])),
            ("claim_unsettled_refund", "refund_id", self._refund),
            ("claim_unfinished_order", "transaction_id", self._order),
        ]
        tried = failed = in_vain = 0
        for claim, id_name, go_on in cycle(kinds):
            if in_vain == len(kinds) or time.monotonic() >= run.stop_at:
                break
            row = self._claim(claim, run)
            if row is None:
                in_vain += 1
                continue
            in_vain = 0
            tried += 1
            with log_ids(**{"transaction_id": row["transaction_id"], id_name: row["id"]}):
                failed += not self._try(row, go_on, run)
        return Resolved(tried, failed)

    def _claim(self, query: str, run: _Run) -> Row | None:
        """Push one's due time on before asking, so that nobody else asks."""
        whom = {"providers": text_array(run.providers), "left": uuid_array(run.left)}
        return self._parts.database.run(lambda uow: uow.first(query, last_s=TRIES_LAST_S, **whom), one_statement=True)

    def _try(self, row: Row, go_on: Callable[[Row], None], run: _Run) -> bool:
        """Return whether there was an answer. What was not asked because others ask too much has lost no try."""
        turn_by = min(run.stop_at, time.monotonic() + TURN_WITHIN_S)
        if not self._inquiry.await_turn(row["account_id"], row["provider"], turn_by):
            self._put_off(row, run)
            return False
        answered = True
        error: str | None = None
        try:
            with calls_end_by(run.stop_at + LAST_ONE_S):
                go_on(row)
        except ProviderError as exc:
            if exc.kind is ErrorKind.RATE_LIMITED:
                self._put_off(row, run)
                return False
            answered, error = False, exc.code
            if exc.kind is ErrorKind.UNAVAILABLE:
                run.leave_silent(row["account_id"], row["provider"])
        except Exception:
            self._parts.log_failure("transaction_id", row["transaction_id"])
            answered = False
        if row["tries"] >= ALERT_AFTER_TRIES and self._is_unresolved(row["id"]):
            self._parts.alerts.alert("unresolved", transaction_id=row["transaction_id"], error=error)
        return answered

    def _put_off(self, row: Row, run: _Run) -> None:
        run.leave(row["account_id"])
        self._parts.database.run(lambda uow: uow.run("give_try_back", id=row["id"]))

    def _is_unresolved(self, row_id: UUID) -> bool:
        unresolved: bool = self._parts.database.run(lambda uow: uow.one("is_unresolved", id=row_id))["unresolved"]
        return unresolved

    def _refund(self, row: Row) -> None:
        """Settle a refund that has no answer; then see whether the provider's figures show it."""
        work = self._parts.database.run(lambda uow: self._take_refund(uow, row["transaction_id"], row["id"]))
        if work is not None:
            refund, failure = self._refund_call.carry_out(work)
            if refund.state in UNANSWERED and failure is not None:
                raise failure
            if refund.state in UNANSWERED or refund.standing.settled:
                return
        self._inquiry.check(row["transaction_id"])

    def _take_refund(self, uow: UnitOfWork, transaction_id: UUID, refund_id: UUID) -> RefundWork | None:
        transaction = tx.lock_transaction(uow, transaction_id)
        refund = lock_refunds(uow, transaction_id)[refund_id]
        if refund.state not in UNANSWERED or refund.leased:
            return None
        return self._refund_call.take_over(uow, transaction, refund)

    def _order(self, row: Row) -> None:
        """Go on with a cancellation or a capture."""
        if self._inquiry.read(row["id"]).transaction.capture_requested is not None:
            self._capturing.go_on(row["id"])
        else:
            self._cancellation.go_on(row["id"])
