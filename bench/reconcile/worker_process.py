"""
One worker process of PayLink, which does what it is told by lines on its standard input, and answers each with a line.

It is put together as the shipped worker is, and works at runs as reconcile_batch does. Only the rate limit of the
accounts is higher than their providers allow: every question still takes its turn.
"""

import dataclasses
import json
import resource
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from paylink.core.reconciliation import RunOrder
from paylink.providers.payments import PaymentQuery
from paylink.providers.port import Account, Provider
from paylink.runtime.wiring import Deps, deps
from paylink.services.inquiry import Inquiry
from paylink.services.questions import ASKED_AT_ONCE
from paylink.services.settlement_matching import SettlementMatching
from paylink.store.run_plans import insert_run, plan_run
from paylink.store.unit_of_work import UnitOfWork
from paylink_local.functions import apply_environment
from paylink_local.garbage import settle
from paylink_local.template import find_template, load_template

_NO_LIMIT_PER_S = 1e6
_CHUNK = 1000
_READ_WITHIN_S = 30.0

Question = tuple[Provider, Account, PaymentQuery]


class Work:
    def __init__(self, parts: Deps) -> None:
        self._deps = parts
        self._questions: list[Question] = []
        for provider in parts.providers.values():
            # An instance's own hides the class'; the protocol has no setter, as nobody else changes it.
            unlimited = dataclasses.replace(provider.capabilities, pulls_per_s=_NO_LIMIT_PER_S)
            provider.capabilities = unlimited  # type: ignore[misc]  # read-only to others than this benchmark

    def plan(self) -> dict[str, Any]:
        """Begin a run of what may have changed unheard."""
        order = RunOrder(None, "command", sample=0, settlements=False)
        begun = time.monotonic()
        run_id = self._deps.reconciliation.start(order, wake=False)
        return {"run_id": str(run_id), "seconds": time.monotonic() - begun}

    def work(self, run_id: str, within_s: float) -> dict[str, Any]:
        """Work at a run until its end, or until the time is over."""
        begun, cpu_s = time.monotonic(), time.process_time()
        batches = self._deps.reconciliation.work(within_s=within_s, run_id=UUID(run_id))
        return self._took(begun, cpu_s) | {"batches": batches}

    def prepare(self, ids: Sequence[str]) -> dict[str, Any]:
        """Make the question about each of these transactions, to be asked by `fetch`."""
        inquiry = Inquiry(self._deps.parts)
        self._questions = []
        for start in range(0, len(ids), _CHUNK):
            for known in inquiry.read_many([UUID(one) for one in ids[start : start + _CHUNK]]):
                transaction = known.transaction
                account = self._deps.accounts.get(transaction.account_id)
                self._questions.append((self._deps.providers[transaction.provider], account, inquiry.query(known)))
        return {"questions": len(self._questions)}

    def fetch(self) -> dict[str, Any]:
        """Ask each question and forget the answer: the yardstick."""
        begun, cpu_s = time.monotonic(), time.process_time()
        lock, left, failures = threading.Lock(), iter(self._questions), list[Exception]()

        def ask() -> None:
            try:
                for provider, account, query in _shared(left, lock):
                    provider.fetch_payment(account, query)
            except Exception as exc:
                failures.append(exc)

        threads = [threading.Thread(target=ask) for _ in range(ASKED_AT_ONCE)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if failures:
            raise failures[0]
        return self._took(begun, cpu_s) | {"asked": len(self._questions)}

    def choose(self, sample: int) -> dict[str, Any]:
        """Choose the transactions of a scheduled run, and forget the run."""
        order = RunOrder(None, "schedule", due_only=True, sample=sample, settlements=False)
        run_id = self._deps.parts.new_id()

        def plan(uow: UnitOfWork) -> None:
            insert_run(uow, run_id, order, None)
            begun = time.monotonic()
            selected, _ = plan_run(uow, run_id, order, None, self._deps.providers)
            raise _Chosen(selected, time.monotonic() - begun)

        try:
            self._deps.database.run(plan)
        except _Chosen as chosen:
            return {"selected": chosen.selected, "seconds": chosen.seconds}
        raise AssertionError("it is rolled back by being raised")

    def match(self, account_id: str, since: str, until: str, within_s: float) -> dict[str, Any]:
        """Match an account's settlement lines with its transactions of a time, as far as the time goes."""
        begun, cpu_s = time.monotonic(), time.process_time()
        matched = SettlementMatching(self._deps.parts).match(
            self._deps.accounts.get(UUID(account_id)),
            self._deps.parts.new_id(),
            datetime.fromisoformat(since),
            datetime.fromisoformat(until),
            stop_at=begun + within_s,
        )
        done = {"compared": matched.compared, "found": matched.found, "ended": matched.next is None}
        return self._took(begun, cpu_s) | done

    @staticmethod
    def _took(begun: float, cpu_s: float) -> dict[str, Any]:
        peak_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return {
            "seconds": time.monotonic() - begun,
            "cpu_s": time.process_time() - cpu_s,
            "peak_mb": peak_kb * 1024 / 1e6,
        }


@dataclass
class _Chosen(Exception):
    """Rolls the choice back, and tells of it."""

    selected: int
    seconds: float


def _shared(items: Iterator[Question], lock: threading.Lock) -> Iterator[Question]:
    while True:
        with lock:
            item = next(items, None)
        if item is None:
            return
        yield item


def main() -> None:
    apply_environment(load_template(find_template()))
    work = Work(deps())
    settle()
    answers, sys.stdout = sys.stdout, sys.stderr
    for line in sys.stdin:
        told = json.loads(line)
        try:
            answer = getattr(work, told.pop("do"))(**told)
        except Exception as exc:
            answer = {"failed": f"{type(exc).__name__}: {exc}"}
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main()
