"""Reconciliation by status pull: ask the provider about open transactions that are due, and apply its answers."""

import time
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from paylink.providers.port import ErrorKind, ProviderError
from paylink.services.inquiry import Inquiry
from paylink.services.ports import Parts
from paylink.store.arrays import text_array
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
        self._inquiry = Inquiry(parts)

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
            if not self._inquiry.await_turn(row["account_id"], row["provider"], stop_at):
                # Events of this account wait in line before us; others' providers may be asked all the same.
                limited.add(row["account_id"])
                continue
            reached += 1
            transaction_id = row["id"]
            try:
                if not self._claim(row):
                    continue
                counts.checked += 1
                counts.changed += self._inquiry.check(transaction_id)
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

    def _begin(self, uow: UnitOfWork, run_id: UUID, merchant_id: UUID | None) -> list[Row]:
        uow.run("insert_run", id=run_id, merchant_id=merchant_id)
        # One more than a run takes, to know whether it reaches all.
        providers = text_array(self._parts.providers)
        return uow.all("list_due_pulls", merchant_id=merchant_id, providers=providers, limit=RUN_SIZE + 1)

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
