"""Reconciliation by status pull: ask the provider about open transactions that are due, and apply its answers."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from paylink.core.states import HAS_MONEY, OPEN, Decision, State, Verdict
from paylink.providers.port import ATTEMPT, ErrorKind, Payment, ProviderError, Reference, attempt_of
from paylink.services.evidence import Claim, alert_if_paid_twice, apply_evidence, speaks_of
from paylink.services.ports import Parts
from paylink.store import transactions as tx
from paylink.store.attempts import Attempt, finish_attempt, list_attempts, payment_request
from paylink.store.changes import Proof, apply_decision
from paylink.store.references import add_references, in_account, list_references, lock_references
from paylink.store.unit_of_work import Row, UnitOfWork

PULL_FIRST_S = 300
PULL_LAST_S = 6 * 3600
RATE_LIMITED_S = 60
OVERDUE = timedelta(hours=1)
"""How long after a page's end a provider that gives no answer becomes a person's business."""
RUN_SIZE = 100


@dataclass
class _Counts:
    checked: int = 0
    changed: int = 0
    failed: int = 0


class Reconciliation:
    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def run(self, *, merchant_id: UUID | None, within_s: float) -> dict[str, object]:
        """
        Check open transactions and return the run's report.

        A merchant's run takes all of its open transactions, the schedule's (merchant_id None) those that are due, at
        most 100 at a time. What is not reached within `within_s` seconds, or fails, leaves the run `partial`.

        Raises:
            StorageUnavailable: The database cannot answer.
        """
        stop_at = time.monotonic() + within_s
        run_id = self._parts.new_id()
        due = self._parts.database.run(lambda uow: self._begin(uow, run_id, merchant_id))
        counts = _Counts()
        reached = 0
        limited: set[UUID] = set()
        for row in due[:RUN_SIZE]:
            if time.monotonic() >= stop_at:
                break
            if row["account_id"] in limited:
                continue
            if not self._await_turn(row, stop_at):
                # Events of this account wait in line before us; others' providers may be asked all the same.
                limited.add(row["account_id"])
                continue
            reached += 1
            transaction_id = row["id"]
            try:
                if not self._claim(row):
                    continue
                counts.checked += 1
                counts.changed += self._check(transaction_id)
            except ProviderError as exc:
                counts.failed += 1
                if exc.kind is ErrorKind.RATE_LIMITED:
                    limited.add(row["account_id"])
                self._after_failure(row, exc)
            except Exception:
                self._parts.log_failure("transaction_id", transaction_id)
                counts.failed += 1
        complete = counts.failed == 0 and reached == len(due)
        row = self._parts.database.run(
            lambda uow: uow.one("finish_run", id=run_id, state="finished" if complete else "partial", **vars(counts))
        )
        return _report(row)

    @staticmethod
    def _begin(uow: UnitOfWork, run_id: UUID, merchant_id: UUID | None) -> list[Row]:
        uow.run("insert_run", id=run_id, merchant_id=merchant_id)
        # One more than a run takes, to know whether it reaches all.
        return uow.all("list_due_pulls", merchant_id=merchant_id, limit=RUN_SIZE + 1)

    def _await_turn(self, row: Row, stop_at: float) -> bool:
        """Wait until the account's provider may be asked; False when that is not before the run's end."""
        per_s = self._parts.providers[row["provider"]].capabilities.pulls_per_s
        while (wait_s := self._parts.pulls.wait_s(row["account_id"], per_s)) > 0:
            if time.monotonic() + wait_s >= stop_at:
                return False
            time.sleep(wait_s)
        return True

    def _claim(self, row: Row) -> bool:
        """Push the due time on just before asking. False: another run asks."""

        def work(uow: UnitOfWork) -> bool:
            times = {"first_s": PULL_FIRST_S, "last_s": PULL_LAST_S}
            return uow.first("claim_pull", id=row["id"], pull_due_at=row["pull_due_at"], **times) is not None

        return self._parts.database.run(work)

    def _after_failure(self, row: Row, exc: ProviderError) -> None:
        """No answer is no reason to ask more rarely, until the page is long over: then a person is told."""
        if exc.kind is not ErrorKind.RATE_LIMITED and self._parts.now() > row["expires_at"] + OVERDUE:
            self._parts.alerts.alert("cannot_ask", transaction_id=row["id"], error=exc.code)
            return
        delay_s = RATE_LIMITED_S if exc.kind is ErrorKind.RATE_LIMITED else PULL_FIRST_S
        self._parts.database.run(lambda uow: uow.run("postpone_pull", id=row["id"], delay_s=delay_s))

    def _check(self, transaction_id: UUID) -> bool:
        """Ask about one transaction; True when that changed it."""

        def read(uow: UnitOfWork) -> tuple[tx.Transaction, list[Attempt], list[Reference]]:
            transaction = tx.read_transaction(uow, transaction_id)
            assert transaction is not None
            return transaction, list_attempts(uow, transaction_id), list_references(uow, transaction_id)

        transaction, attempts, references = self._parts.database.run(read)
        ended = self._parts.now() > transaction.expires_at
        try:
            payments = self._ask(transaction, attempts, references)
        except ProviderError as exc:
            if exc.kind is not ErrorKind.NOT_FOUND or not ended:
                raise
            # The provider knows no such page (any more), and the time to pay is over: nobody can tell more.
            self._parts.alerts.alert("page_gone", transaction_id=transaction_id, error=exc.code)
            payments = []
        changed, woken = self._parts.database.run(lambda uow: self._apply(uow, transaction, attempts, payments, ended))
        self._parts.queue.send(woken)
        return changed

    def _ask(
        self, transaction: tx.Transaction, attempts: Sequence[Attempt], references: Sequence[Reference]
    ) -> list[Payment]:
        """Return what the provider says of every page that is known or may be there, the newest first."""
        provider = self._parts.providers[transaction.provider]
        account = self._parts.accounts.get(transaction.account_id)
        newest, now = attempts[-1], self._parts.now()
        retired = {Reference(ATTEMPT, str(attempt.id)) for attempt in attempts if not attempt.may_have_page}
        kinds = provider.capabilities.lookup_kinds
        unanswered = [r for r in references if r.kind in kinds and r not in retired]
        payments: list[Payment] = []
        while unanswered:
            try:
                payment = provider.fetch_payment(account, tx.payment_query(transaction, unanswered, now))
            except ProviderError as exc:
                if exc.kind is not ErrorKind.NOT_FOUND or not payments:
                    raise
                break
            payments.append(payment)
            left = [reference for reference in unanswered if reference not in payment.references]
            unanswered = left if len(left) < len(unanswered) else []
        if newest.may_have_page and newest.id not in {attempt_of(payment.references) for payment in payments}:
            found = provider.find_payment(account, payment_request(transaction, newest))
            payments += [found] if found else []
        return payments

    def _apply(
        self,
        uow: UnitOfWork,
        seen: tx.Transaction,
        attempts: Sequence[Attempt],
        payments: Sequence[Payment],
        ended: bool,
    ) -> tuple[bool, list[UUID]]:
        """Apply the answers, money first. What surely has no page left, and no time, expires by the clock."""
        lock_references(uow, in_account(seen.account_id, [r for p in payments for r in p.references]))
        transaction = tx.lock_transaction(uow, seen.id)
        if transaction.revision != seen.revision:
            return False, []
        tx.count_answer(uow, transaction.id)
        woken: list[UUID] = []
        answered = len(payments)
        payments = [payment for payment in payments if speaks_of(uow, transaction, payment)]
        if len(payments) < answered:
            self._parts.alerts.alert("references_disagree", transaction_id=transaction.id)
            ended = False
        for payment in sorted(payments, key=lambda payment: payment.evidence.state not in HAS_MONEY):
            attempt_id = attempt_of(payment.references) or attempts[-1].id
            if payment.seen and payment.amount == transaction.amount:
                finish_attempt(uow, attempt_id, "pending", payment=payment)
            told = in_account(transaction.account_id, payment.references)
            woken += add_references(uow, told, [transaction.id] * len(told))
            alert_if_paid_twice(transaction, payment, self._parts.alerts)
            claim = Claim(payment.evidence, payment.amount, attempt_id)
            proof = Proof("pull", None, payment.provider_status)
            transaction = apply_evidence(uow, transaction, claim, proof, self._parts.alerts).transaction
        if (
            ended
            and transaction.state is State.PENDING
            and not any(p.evidence.state in OPEN | HAS_MONEY for p in payments)
        ):
            finish_attempt(uow, attempts[-1].id, "not_sent", error="not_found")
            expired = Decision(Verdict.APPLY, steps=(State.EXPIRED,), totals=transaction.snapshot.totals)
            transaction = apply_decision(uow, transaction, expired, Proof("clock", None, None))
        uow.run("end_pulls", id=transaction.id)
        return transaction.version != seen.version, woken


def _report(row: Row) -> dict[str, Any]:
    return {
        "id": str(row["id"]),
        "state": row["state"],
        "checked": row["checked"],
        "changed": row["changed"],
        "failed": row["failed"],
        "started_at": row["started_at"].isoformat(),
        "finished_at": row["finished_at"].isoformat(),
    }
