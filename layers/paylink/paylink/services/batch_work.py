"""One batch of a reconciliation run: ask, compare, write, a few transactions at a time."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from functools import partial
from uuid import UUID

from paylink.core.discrepancies import Kind
from paylink.core.reconciliation import Repair
from paylink.core.states import HAS_MONEY
from paylink.providers.port import ErrorKind, ProviderError
from paylink.services.batch_answers import Answers
from paylink.services.batch_outcome import BATCH_STEP_S, DOUBT_S, LEASE_S, LIMITED_WAIT_S, Outcome
from paylink.services.batch_step import Asking, Learned, Step, Unasked, after_step
from paylink.services.comparison import Compared
from paylink.services.inquiry import Inquiry, Known
from paylink.services.ports import Parts
from paylink.services.questions import STEP_S, Askers, Questions
from paylink.store import reconciliation as runs
from paylink.store.discrepancies import record_findings, resolve_gone
from paylink.store.reconciliation import Batch, Doubt, LeaseLost
from paylink.store.transactions import Transaction
from paylink.store.unit_of_work import UnitOfWork

PULL_FIRST_S = 300
PULL_LAST_S = 6 * 3600
RATE_LIMITED_S = 60
SILENT_MIN = 3
"""So many at least are asked about in vain before an account is given up."""
OVERDUE = timedelta(hours=1)
"""How long after a page's end a provider that gives no answer becomes a person's business."""


class BatchWork:
    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._inquiry = Inquiry(parts)
        self._answers = Answers(parts, self._inquiry)
        self._askers = Askers()

    def work_at(self, batch: Batch, stop_at: float) -> Outcome:
        """
        Work at a batch whose lease is ours, as far as it goes. Never raises for what one transaction does.

        Once the provider has answered, the next step's questions are on their way while a step's answers are written.
        """
        if batch.provider not in self._parts.providers:
            return self._give_up(batch, "not_enabled")
        account_id, wait_s = batch.account_id, None
        ahead: Asking | None = None
        try:
            while batch.left:
                if ahead is None and wait_s is not None:
                    return self._wait(batch, wait_s)
                if ahead is None and time.monotonic() >= stop_at:
                    self._save(batch, lease_s=0)
                    return Outcome.TIME
                size = self._askers.step_size(account_id)
                asking, ahead = ahead or self._begin(batch, batch.next[:size], stop_at), None
                if asking.at_once and wait_s is None and self._askers.is_answering(account_id):
                    ahead = self._begin_ahead(batch, asking.following(batch)[:size], stop_at)
                step = self._take(batch, asking)
                asked = len(asking.asked) - len(step.unasked)
                # One bad answer is no silence.
                if asked >= SILENT_MIN and len(step.failed) == asked and all(map(_is_silence, step.failed.values())):
                    self._askers.note_silence(account_id)
                    return self._give_up(batch, next(iter(step.failed.values())).code, step.overdue)
                self._askers.note_step(account_id, time.monotonic() - asking.begun)
                if step.limited or asking.crowded:
                    wait_s = RATE_LIMITED_S if step.limited else LIMITED_WAIT_S
                before, batch = batch, after_step(batch, step)
                waits = not _is_in_doubt(before) and _is_in_doubt(batch)
                self._parts.database.run(partial(self._write, batch=batch, step=step, waits=waits))
                if waits:
                    return Outcome.IN_DOUBT
        except LeaseLost:
            return Outcome.LOST
        finally:
            if ahead is not None:
                ahead.questions.abandon()
        return Outcome.DONE

    def _give_up(
        self, batch: Batch, error: str, overdue: Sequence[Transaction] = (), delay_s: float = PULL_FIRST_S
    ) -> Outcome:
        def work(uow: UnitOfWork) -> None:
            if batch.repair is not Repair.DRY:
                runs.lock_asked(uow, batch.left)
            runs.save_batch(uow, replace(batch, error=error), lease_s=0, state="given_up")
            runs.give_up_account(uow, batch.run_id, batch.account_id, error)
            if batch.repair is not Repair.DRY:
                runs.postpone_pulls(uow, batch.left, delay_s=delay_s)
                _note(uow, overdue)

        try:
            self._parts.database.run(work)
        except LeaseLost:
            return Outcome.LOST
        return Outcome.SILENT

    def _wait(self, batch: Batch, wait_s: float) -> Outcome:
        """Leave the account to others for a while; what cannot be asked time after time is left to the next run."""
        if batch.stalls >= runs.STALLS_MAX:
            return self._give_up(batch, "rate_limited", delay_s=RATE_LIMITED_S)
        self._save(batch, lease_s=wait_s)
        return Outcome.LIMITED

    def _save(self, batch: Batch, *, lease_s: float) -> None:
        self._parts.database.run(lambda uow: runs.save_batch(uow, batch, lease_s=lease_s))

    def _begin(self, batch: Batch, ids: Sequence[UUID], stop_at: float) -> Asking:
        """Begin to ask about these, or as many of them as it is our turn for in time."""
        asking = self._new_asking()
        turns = self._turns(batch, len(ids))
        stored = self._read(ids)
        while True:
            self._add(asking, ids[len(asking.asked) :][:turns], stored)
            if len(asking.asked) == len(ids):
                return asking
            asking.at_once = False
            if asking.asked and time.monotonic() >= asking.begun + STEP_S:
                return asking
            if not self._inquiry.await_turn(batch.account_id, batch.provider, min(stop_at, asking.ends_at)):
                asking.crowded = True
                return asking
            turns = 1

    def _begin_ahead(self, batch: Batch, ids: Sequence[UUID], stop_at: float) -> Asking | None:
        """Begin to ask about as many of these as it is our turn for now; None when it is not, or the time is over."""
        if not ids or time.monotonic() >= stop_at or not (turns := self._turns(batch, len(ids))):
            return None
        asking = self._new_asking()
        self._add(asking, ids[:turns], self._read(ids[:turns]))
        asking.at_once = turns == len(ids)
        return asking

    def _new_asking(self) -> Asking:
        begun = time.monotonic()
        ends_at = begun + BATCH_STEP_S
        return Asking(Questions(self._askers, partial(self._answers.learn, ends_at=ends_at)), begun, ends_at)

    def _turns(self, batch: Batch, count: int) -> int:
        return self._inquiry.take_turns(batch.account_id, batch.provider, count)

    def _read(self, ids: Sequence[UUID]) -> dict[UUID, Known]:
        return {known.transaction.id: known for known in self._inquiry.read_many(ids)}

    @staticmethod
    def _add(asking: Asking, ids: Sequence[UUID], stored: Mapping[UUID, Known]) -> None:
        asking.asked += ids
        asking.questions.add([stored[i] for i in ids if i in stored])

    def _take(self, batch: Batch, asking: Asking) -> Step:
        """Wait for answers, and write what each changes."""
        step = Step(asking.asked)
        held = self._changed_before(batch, asking.asked)
        news = []
        for known, learned in asking.questions.answers():
            if isinstance(learned, Learned) and learned.is_news:
                news.append((known, learned))
            else:
                self._weigh(batch, known, learned, step, asking.ends_at, held)
        weigh = partial(self._weigh_some, batch=batch, ends_at=asking.ends_at, held=held)
        for weighed in self._askers.write(weigh, news):
            step.add(weighed)
        return step

    def _weigh_some(
        self, news: Sequence[tuple[Known, Learned]], *, batch: Batch, ends_at: float, held: Mapping[UUID, int]
    ) -> Step:
        step = Step()
        for known, learned in news:
            self._weigh(batch, known, learned, step, ends_at, held)
        return step

    def _changed_before(self, batch: Batch, ids: Sequence[UUID]) -> Mapping[UUID, int]:
        """What was held of those that this run has changed before its worker died: they are asked about again."""
        if batch.fence == 1 or batch.repair is not Repair.ALL:
            return {}
        return self._parts.database.run(lambda uow: runs.list_changed(uow, batch.run_id, ids))

    def _weigh(
        self,
        batch: Batch,
        known: Known,
        learned: Learned | Exception,
        step: Step,
        ends_at: float,
        held: Mapping[UUID, int],
    ) -> None:
        """`held` is what we held of those that this run has changed already, at an earlier try."""
        transaction_id = known.transaction.id
        if isinstance(learned, Unasked):
            step.unasked.append(transaction_id)
            return
        try:
            if isinstance(learned, Exception):
                raise learned
            compared, after = learned.compared, known.transaction
            if learned.page_gone is not None:
                self._alert(batch, "page_gone", after, learned.page_gone)
            if batch.repair is not Repair.ALL and self._is_doubtful(batch, known, compared):
                step.doubts[transaction_id] = Doubt(after.version, frozenset(f.fingerprint for f in compared.found))
                return
            if batch.repair is Repair.ALL and not compared.quiet:
                written = self._write_answer(batch, known, learned)
                if written is None:
                    # It has moved: a newer answer was heard, and will be weighed by whoever heard it.
                    step.count(known, compared)
                    return
                after = written
            found = compared.open if batch.repair is Repair.ALL else compared.found
            if doubt := batch.doubts.get(transaction_id):
                shown = self._answers.shown_again(known, found, doubt)
            else:
                shown = self._answers.still_there(batch, known, found, ends_at, after)
            if shown is not None:
                step.open += [(finding, after.version) for finding in shown]
                step.checked.append(transaction_id)
            has_changed = after.version != known.transaction.version
            step.changed += has_changed or transaction_id in held
            if not has_changed and (batch.repair is Repair.ALL or not found):
                heard = after.answers if compared.quiet or batch.repair is not Repair.ALL else after.answers + 1
                step.quiet.append(replace(after, answers=heard))
            step.count(known, replace(compared, ours=held.get(transaction_id, compared.ours)))
        except ProviderError as exc:
            if exc.kind is ErrorKind.RATE_LIMITED:
                step.limited.append(transaction_id)
                return
            step.failed[transaction_id] = exc
            # No answer is no reason to ask more rarely, until the page is long over: then a person is told.
            if self._parts.now() > known.transaction.expires_at + OVERDUE and known.transaction.state not in HAS_MONEY:
                self._alert(batch, "cannot_ask", known.transaction, exc.code)
                step.overdue.append(known.transaction)
        except Exception:
            self._parts.log_failure("transaction_id", transaction_id)
            step.broken.append(transaction_id)

    @staticmethod
    def _is_doubtful(batch: Batch, known: Known, compared: Compared) -> bool:
        """Whether a webhook may be about to tell what was not repaired, as it was seen for the first time just now."""
        return bool(compared.repairable) and known.transaction.id not in batch.doubts

    def _alert(self, batch: Batch, kind: str, transaction: Transaction, error: str) -> None:
        if batch.repair is not Repair.DRY:
            self._parts.alerts.alert(kind, transaction_id=transaction.id, error=error)

    def _write_answer(self, batch: Batch, known: Known, learned: Learned) -> Transaction | None:
        """Write an answer, and with what it changes that it was a difference; None when the transaction has moved."""
        account = self._parts.accounts.get(batch.account_id)

        def record(uow: UnitOfWork) -> None:
            record_findings(uow, account, batch.run_id, learned.compared.repairable, repaired=True)

        return self._inquiry.bring_up_to_date(
            known, learned.payments, ended=learned.ended, run_id=batch.run_id, on_change=record
        )

    def _write(self, uow: UnitOfWork, batch: Batch, step: Step, waits: bool) -> None:
        state = "due" if batch.left else "done"
        lease_s, wait_s = (0.0, DOUBT_S) if waits else (LEASE_S, 0.0)
        if batch.repair is Repair.DRY:
            runs.save_batch(uow, batch, lease_s=lease_s, state=state, wait_s=wait_s)
            return
        # All at once and in one order, as whoever else locks several.
        runs.lock_asked(uow, step.asked)
        runs.save_batch(uow, batch, lease_s=lease_s, state=state, wait_s=wait_s)
        runs.postpone_pulls(uow, [*step.failed, *step.broken], delay_s=PULL_FIRST_S)
        runs.postpone_pulls(uow, step.limited, delay_s=RATE_LIMITED_S)
        _note(uow, [*step.quiet, *step.overdue])
        still = runs.list_unmoved(uow, {finding.transaction_id: version for finding, version in step.open})
        account = self._parts.accounts.get(batch.account_id)
        record_findings(uow, account, batch.run_id, [one for one, _ in step.open if one.transaction_id in still])
        moved = {finding.transaction_id for finding, _ in step.open} - still
        checked = [f"transaction:{i}" for i in step.checked if i not in moved]
        resolve_gone(uow, batch.run_id, batch.account_id, checked, list(Kind))


def _is_in_doubt(batch: Batch) -> bool:
    """Whether of all that is left a first question was asked."""
    return bool(batch.left) and len(batch.left) == len(batch.doubts)


def _note(uow: UnitOfWork, asked: Sequence[Transaction]) -> None:
    runs.note_answers(uow, asked, first_s=PULL_FIRST_S, last_s=PULL_LAST_S)


def _is_silence(exc: ProviderError) -> bool:
    return exc.kind in (ErrorKind.UNAVAILABLE, ErrorKind.AUTH) and not exc.gone
