"""
Reconciliation runs: ask the providers about what may have changed unheard, settle or note what differs, and report.

A run is stored, then planned as batches of one account each, in Postgres. Messages on a queue only wake workers, which
claim batches one after the other; a batch is saved every few transactions, so a worker that dies costs those few
questions again.
"""

import time
from collections.abc import Collection
from contextlib import suppress
from functools import partial
from typing import Any, Protocol
from uuid import UUID

from paylink.core.errors import (
    FieldProblem,
    InvalidFields,
    NotFound,
    ReconciliationRunning,
    StorageUnavailable,
    TooManyRuns,
)
from paylink.core.log_ids import log_ids
from paylink.core.reconciliation import UNDER_WAY_MAX, RunOrder
from paylink.services.batch_outcome import LEASE_S, LIMITED_WAIT_S, Outcome
from paylink.services.batch_work import BatchWork
from paylink.services.ports import Parts
from paylink.services.run_report import run_report, run_summary
from paylink.services.settlement_work import SettlementWork
from paylink.services.settlements import Readers
from paylink.store import reconciliation as runs
from paylink.store import run_plans as plans
from paylink.store.discrepancies import list_discrepancies, sum_discrepancies
from paylink.store.pages import Page
from paylink.store.unit_of_work import Row, UnitOfWork

WAKES_MAX = 4
"""Workers of one run at once."""
DRY_FINDINGS_SHOWN = 1000
PLAN_S = 15.0
"""With what comes before and after, within what a gateway waits for an answer."""
TOO_MANY_WAIT_S = 30
_STATEMENTS_END_S = 2.0
"""So much earlier Postgres ends a plan that takes too long, so that it does not go on with nobody there."""
PLANNER_GONE_S = 60
"""Who has not planned a run by then has died."""
WAKE_DELAY_MAX_S = 900
"""The longest delay of a message on SQS."""
SAMPLE_EVERY_S = 290
RUN_HOURS_MAX = 48


class RunQueue(Protocol):
    """Wakes workers. Losing a message is allowed: the schedule wakes them again."""

    def wake(self, count: int, delay_s: float = 0) -> None:
        """Never raises; a failure is logged."""


class Reconciliation:
    def __init__(self, parts: Parts, queue: RunQueue, readers: Readers) -> None:
        self._parts = parts
        self._queue = queue
        self._status = BatchWork(parts)
        self._settlements = SettlementWork(parts, readers)

    def start(self, order: RunOrder, *, wake: bool = True) -> UUID | None:
        """
        Plan a run and wake workers for it; return its id. One of which nothing is to be asked has ended by then; with
        `due_only` there is none then: None.

        Raises:
            InvalidFields: There is no such provider or account, or it is of too many transactions.
            ReconciliationRunning: One of the same scope is under way.
            TooManyRuns: The merchant has UNDER_WAY_MAX of other scopes under way.
            StorageUnavailable: The database cannot answer.
        """
        if order.provider not in (None, *self._parts.providers):
            raise InvalidFields(fields=[FieldProblem("provider", "is not enabled here")])
        run_id = self._parts.new_id()
        # Committed before it is planned, which may take long: who asks for the same is told of it meanwhile.
        self._parts.database.run(lambda uow: _store(uow, run_id, order))
        try:
            batches = self._plan(run_id)
        except Exception:
            # Where that fails, too, the schedule plans it.
            with suppress(StorageUnavailable):
                self._drop(run_id)
            raise
        if batches == 0 and order.due_only:
            return None
        self._begin(run_id, batches if wake or batches == 0 else None)
        return run_id

    def _begin(self, run_id: UUID, batches: int | None) -> None:
        if batches == 0:
            self._end(run_id)
        elif batches is not None:
            self._queue.wake(min(batches, WAKES_MAX))

    def _plan(self, run_id: UUID) -> int | None:
        """Write a stored run's batches; return how many, None when another has."""
        providers = self._parts.providers

        def work(uow: UnitOfWork) -> int | None:
            asked = plans.lock_unplanned(uow, run_id)
            if asked is None:
                return None
            order, account_id = asked
            plans.limit_statements(uow, PLAN_S - _STATEMENTS_END_S)
            batches = 0
            if order.statuses:
                selected, batches = plans.plan_run(uow, run_id, order, account_id, providers)
                _check_size(order, selected)
                if order.due_only:
                    plans.note_asked(uow, run_id)
            if order.settlements:
                batches += plans.plan_settlements(uow, run_id, order, account_id, providers)
            if batches == 0 and order.due_only:
                plans.drop_run(uow, run_id)
            plans.note_planned(uow, run_id)
            return batches

        return self._parts.database.run(work, deadline_s=PLAN_S)

    def work(self, *, within_s: float, run_id: UUID | None = None) -> int:
        """
        Work at batches, of one run or of any, as long as there are some and the time allows; return at how many. What
        is begun in time may take BATCH_STEP_S more. Safe to run several times at once.

        Raises:
            StorageUnavailable: The database cannot answer.
        """
        stop_at = time.monotonic() + within_s
        left: set[UUID] = set()
        worked = 0
        last: UUID | None = None
        while time.monotonic() < stop_at:
            batch = self._claim(run_id, left)
            if last is not None and (batch is None or batch.run_id != last):
                self._end(last)
                last = None
            if batch is None:
                break
            worked, last = worked + 1, batch.run_id
            if self._work_at(batch, stop_at) in (Outcome.LIMITED, Outcome.SILENT, Outcome.CRASHED):
                left.add(batch.account_id)
        if last is not None:
            self._end(last)
        return worked

    def _work_at(self, batch: runs.Batch, stop_at: float) -> Outcome:
        """What fails at one batch, time after time, is given up: no run goes on for ever, and none stops others."""
        work = self._settlements if batch.kind == "settlement" else self._status
        try:
            with log_ids(run_id=batch.run_id, account_id=batch.account_id):
                return work.work_at(batch, stop_at)
        except Exception:
            self._parts.log_failure("run_id", batch.run_id)
            self._parts.database.run(lambda uow: runs.note_crash(uow, batch, lease_s=LIMITED_WAIT_S))
            return Outcome.CRASHED

    def _drop(self, run_id: UUID) -> None:
        self._parts.database.run(lambda uow: plans.drop_run(uow, run_id))

    def _end(self, run_id: UUID) -> None:
        self._parts.database.run(lambda uow: runs.end_run(uow, run_id))

    def _claim(self, run_id: UUID | None, left: Collection[UUID]) -> runs.Batch | None:
        return self._parts.database.run(
            lambda uow: runs.claim_batch(uow, run_id=run_id, left=left, lease_s=LEASE_S), one_statement=True
        )

    def wake_again(self) -> None:
        """
        After having worked at something: wake a worker if something is left, later if all of it has to wait. Who found
        nothing to do wakes nobody, so that there are never more workers than were woken at first.
        """
        unended = self._unended()
        if any(row["free"] for row in unended):
            self._queue.wake(1)
        elif any(row["due"] for row in unended):
            next_s = min((row["next_s"] for row in unended if row["next_s"] is not None), default=0.0)
            self._queue.wake(1, delay_s=min(max(next_s, LIMITED_WAIT_S), WAKE_DELAY_MAX_S))

    def may_sample(self) -> bool:
        """Whether the schedule's last run was long enough ago to ask about some that are settled again."""
        return self._parts.database.run(lambda uow: runs.is_sample_due(uow, after_s=SAMPLE_EVERY_S))

    def resume(self) -> None:
        """Go on with runs whose workers or messages were lost, and end those that never come to an end."""
        give_up = partial(runs.give_up_old_runs, hours=RUN_HOURS_MAX, plan_tries_max=plans.PLAN_TRIES_MAX)
        self._parts.database.run(give_up)
        unended = self._unended()
        for row in unended:
            if row["due"] == 0:
                self._end(row["id"])
        free, held = (sum(row[name] for row in unended) for name in ("free", "held"))
        if free and not held:
            self._queue.wake(min(free, WAKES_MAX))

    def plan_left(self, *, within_s: float) -> None:
        """Plan runs whose planners are gone, as long as one more plan ends within the time."""
        stop_at = time.monotonic() + within_s - PLAN_S
        tried: set[UUID] = set()
        while time.monotonic() < stop_at:
            take = partial(plans.take_unplanned, after_s=PLANNER_GONE_S, tried=tried)
            run_id = self._parts.database.run(take)
            if run_id is None:
                return
            tried.add(run_id)
            try:
                self._begin(run_id, self._plan(run_id))
            except InvalidFields:
                # Nobody is there any more to be told of it.
                self._drop(run_id)
            except Exception:
                self._parts.log_failure("run_id", run_id)

    def _unended(self) -> list[Row]:
        return self._parts.database.run(runs.list_unended_runs, one_statement=True)

    def show(self, run_id: UUID, merchant_id: UUID | None, page: Page) -> dict[str, Any]:
        """
        Return how far a run is, and its report with a page of its discrepancies; `merchant_id` None is an operator.

        Raises:
            NotFound: There is none, or it is another's.
        """

        def read(uow: UnitOfWork) -> dict[str, Any]:
            row = runs.show_run(uow, run_id, merchant_id)
            if row is None:
                raise NotFound("there is no such run")
            sums = sum_discrepancies(uow, run_id=run_id)
            found, after = list_discrepancies(uow, page)
            dry = runs.list_dry_findings(uow, run_id, limit=DRY_FINDINGS_SHOWN) if row["repair"] == "dry" else []
            return run_report(row, sums, found, after, dry)

        return self._parts.database.read_list(read, owner=merchant_id)

    def begun(self, run_id: UUID, merchant_id: UUID) -> dict[str, Any]:
        """
        Return a run of a merchant that has just been planned. It has found nothing yet: this is no list, of which a
        merchant may read only some at once.
        """
        row = self._parts.database.run(lambda uow: runs.show_run(uow, run_id, merchant_id), one_statement=True)
        if row is None:
            raise NotFound("there is no such run")
        return run_report(row, (), (), None, ())

    def list(self, merchant_id: UUID | None, page: Page) -> dict[str, object]:
        """Return a page of runs, the newest first; `merchant_id` None is an operator: all runs."""
        rows, after = self._parts.database.read_list(
            lambda uow: runs.list_runs(uow, merchant_id, page), owner=merchant_id
        )
        return {"runs": [run_summary(row) for row in rows], "next_cursor": after and str(after)}


def _store(uow: UnitOfWork, run_id: UUID, order: RunOrder) -> None:
    account_id = None
    if order.account is not None:
        account_id = plans.find_ordered_account(uow, order)
        if account_id is None:
            raise InvalidFields(fields=[FieldProblem("account", "there is no such account")])
    # Counted first, which makes others of this merchant wait for their turn; and looked for before it is stored, which
    # would wait for who is planning the same.
    under_way = plans.count_under_way(uow, order) if order.is_merchants else 0
    while (running := plans.find_running(uow, order)) is None:
        if plans.insert_run(uow, run_id, order, account_id):
            break
    if running is not None:
        detail = f"run {running} compares the same: GET /v1/reconcile/{running}"
        raise ReconciliationRunning(detail, retry_after_s=5)
    if under_way >= UNDER_WAY_MAX:
        detail = f"{UNDER_WAY_MAX} runs are under way: wait for one of them to end, GET /v1/reconcile"
        raise TooManyRuns(detail, retry_after_s=TOO_MANY_WAIT_S)


def _check_size(order: RunOrder, selected: int) -> None:
    """Without a time a run takes what is longest due, and the next one the rest."""
    most = order.selected_max
    if order.created_from is not None and most is not None and selected > most:
        problem = f"these are more than {most:,} transactions: ask for a shorter time"
        raise InvalidFields(fields=[FieldProblem("created_to", problem)])
