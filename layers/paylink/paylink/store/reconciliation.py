"""Reconciliation runs and their batches: what is left to do, who does it, and what came of it."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from psycopg2.extras import Json

from paylink.core.reconciliation import Repair
from paylink.providers.payments import Reference
from paylink.store.arrays import integer_array, uuid_array
from paylink.store.attempts import Attempt
from paylink.store.pages import Page, read_page
from paylink.store.transactions import Transaction, transaction_of
from paylink.store.unit_of_work import Row, UnitOfWork

STALLS_MAX = 5
"""So often in a row nothing of a batch can be asked before it is left to the next run."""


@dataclass(frozen=True)
class Doubt:
    """What a first question has shown of a transaction of this version: the fingerprints of its differences."""

    version: int
    found: frozenset[tuple[str | int, ...]]


@dataclass(frozen=True)
class Batch:
    """
    Transactions of one account that a run asks about; those before `position` are done. `totals` are
    {currency: {n, ours, theirs}}, in the smallest unit. `fence` is the number of the lease. One of kind `settlement`
    has no transactions but a time, and `place` tells how far it is; None at its beginning, and at its end.
    """

    run_id: UUID
    number: int
    account_id: UUID
    provider: str
    transaction_ids: tuple[UUID, ...]
    position: int
    changed: int
    failed: int
    totals: Mapping[str, Mapping[str, int]]
    findings: Sequence[Mapping[str, object]]
    stalls: int
    kind: str
    since: datetime | None
    until: datetime | None
    place: str | None
    error: str | None
    fence: int
    repair: Repair
    doubts: Mapping[UUID, Doubt]
    """Of a run that repairs nothing: those that are asked about a second time, later. They are the last."""
    reordered: bool = False
    """`transaction_ids` stand in another order than they are stored in."""

    @property
    def times(self) -> tuple[datetime, datetime]:
        """Of settlement lines, of which time. Raises TypeError for one of transactions."""
        if self.since is None or self.until is None:
            raise TypeError("a batch of transactions has no time")
        return self.since, self.until

    @property
    def left(self) -> Sequence[UUID]:
        return self.transaction_ids[self.position :]

    @property
    def next(self) -> Sequence[UUID]:
        """Of what is left those that are not in doubt; then those that are."""
        left = self.left
        return left[: len(left) - len(self.doubts)] or left


def claim_batch(uow: UnitOfWork, *, run_id: UUID | None, left: Collection[UUID], lease_s: float) -> Batch | None:
    """Begin a lease of the next batch that nobody works at, of one run or of any, of no account in `left`."""
    row = uow.first("claim_batch", run_id=run_id, left=uuid_array(left), lease_s=lease_s)
    if row is None:
        return None
    doubts = {
        UUID(name): Doubt(told["version"], frozenset(map(tuple, told["found"]))) for name, told in row["doubts"].items()
    }
    ids = tuple(row["transaction_ids"])
    return Batch(**row | {"transaction_ids": ids, "repair": Repair(row["repair"]), "doubts": doubts})


def save_batch(uow: UnitOfWork, batch: Batch, *, lease_s: float, state: str = "due", wait_s: float = 0) -> None:
    """
    Note how far a batch is, and hold its lease for so long; with a state of done or given_up it is at its end. With
    `wait_s` nobody goes on with it for so long, while others may be at the account's other batches.

    Raises:
        LeaseLost: Another works at it.
    """
    saved = uow.first(
        "save_batch",
        run_id=batch.run_id,
        number=batch.number,
        fence=batch.fence,
        transaction_ids=uuid_array(batch.transaction_ids) if batch.reordered else None,
        position=batch.position,
        changed=batch.changed,
        failed=batch.failed,
        totals=Json(batch.totals),
        findings=Json(batch.findings),
        doubts=Json({str(i): {"version": d.version, "found": list(d.found)} for i, d in batch.doubts.items()}),
        wait_s=wait_s,
        stalls=batch.stalls,
        place=batch.place,
        error=batch.error,
        state=state,
        lease_s=lease_s,
    )
    if saved is None:
        raise LeaseLost


class LeaseLost(Exception):
    """Another has taken the batch over: what was learned of it is his to learn."""


def read_asked(
    uow: UnitOfWork, transaction_ids: Sequence[UUID]
) -> list[tuple[Transaction, list[Attempt], list[Reference]]]:
    """Return those that are there, each with its attempts and its names in its account, the newest name first."""
    ids = uuid_array(transaction_ids)
    attempts: dict[UUID, list[Attempt]] = {}
    for row in uow.all_prepared("list_attempts_of", ids=ids):
        attempts.setdefault(row.pop("transaction_id"), []).append(Attempt(**row))
    references: dict[UUID, list[Reference]] = {}
    for row in uow.all_prepared("list_references_of", ids=ids):
        references.setdefault(row["transaction_id"], []).append(Reference(row["kind"], row["value"]))
    found = map(transaction_of, uow.all_prepared("read_transactions", ids=ids))
    return [(t, attempts.get(t.id, []), references.get(t.id, [])) for t in found]


def note_answers(uow: UnitOfWork, transactions: Sequence[Transaction], *, first_s: float, last_s: float) -> None:
    """Note answers that told nothing new, and when to ask next: after first_s, doubling each time up to last_s."""
    if transactions:
        uow.run(
            "note_answers",
            ids=uuid_array(t.id for t in transactions),
            versions=integer_array(t.version for t in transactions),
            answers=integer_array(t.answers for t in transactions),
            first_s=first_s,
            last_s=last_s,
        )


def postpone_pulls(uow: UnitOfWork, transaction_ids: Sequence[UUID], *, delay_s: float) -> None:
    """The provider gave no answer about these: it is to be asked again, if it was to be asked at all."""
    if transaction_ids:
        uow.run("postpone_pulls", ids=uuid_array(transaction_ids), delay_s=delay_s)


def give_up_account(uow: UnitOfWork, run_id: UUID, account_id: UUID, error: str) -> None:
    """Give up what nobody works at of an account's batches."""
    uow.run("give_up_account", run_id=run_id, account_id=account_id, error=error)


def end_run(uow: UnitOfWork, run_id: UUID) -> bool:
    """Sum a run up of which nothing is left to do; False when something is, or it has ended before."""
    return uow.first("end_run", id=run_id) is not None


def list_unended_runs(uow: UnitOfWork) -> list[Row]:
    """
    Return rows of id, how many batches are due, free to be begun now, and held: in work, or told to wait; and `next_s`,
    in how many seconds the next of those may be begun, None when there is none.
    """
    return uow.all("list_unended_runs")


def show_run(uow: UnitOfWork, run_id: UUID, merchant_id: UUID | None) -> Row | None:
    """Return a run; with a merchant_id only one of its own."""
    return uow.first("show_run", id=run_id, merchant_id=merchant_id)


def list_runs(uow: UnitOfWork, merchant_id: UUID | None, page: Page) -> tuple[list[Row], UUID | None]:
    """Return a page of runs, the newest first, and the cursor of the next one."""
    return read_page(uow, "list_runs", ("merchant_id",), Page({"merchant_id": merchant_id}, page.cursor, page.limit))


def list_dry_findings(uow: UnitOfWork, run_id: UUID, *, limit: int) -> list[Row]:
    return [row["finding"] for row in uow.all("list_dry_findings", run_id=run_id, limit=limit)]


def lock_asked(uow: UnitOfWork, transaction_ids: Sequence[UUID]) -> None:
    """Lock transactions, in the one order in which whoever locks several does."""
    uow.run("lock_asked", ids=uuid_array(transaction_ids))


def list_unmoved(uow: UnitOfWork, versions: Mapping[UUID | None, int]) -> set[UUID | None]:
    """Return those transactions that are still at these versions, and of which nothing is on its way."""
    if not versions:
        return set()
    ids = uuid_array(versions)
    still = uow.all("list_unmoved", ids=ids, versions=integer_array(versions.values()))
    in_flight = {row["id"] for row in uow.all("list_in_flight", ids=ids)}
    return {row["id"] for row in still} - in_flight


def is_sample_due(uow: UnitOfWork, *, after_s: float) -> bool:
    """Whether no scheduled run has begun for so long."""
    return bool(uow.one("is_sample_due", after_s=after_s)["due"])


def note_crash(uow: UnitOfWork, batch: Batch, *, lease_s: float) -> None:
    """Something of ours failed at a batch: it waits, and after STALLS_MAX times is given up."""
    who = {"run_id": batch.run_id, "number": batch.number, "fence": batch.fence}
    uow.run("note_crash", **who, lease_s=lease_s, stalls_max=STALLS_MAX)


def give_up_old_runs(uow: UnitOfWork, *, hours: int, plan_tries_max: int) -> None:
    """Give up what is left of runs that go on for longer than this, and those that could not be planned so often."""
    uow.run("give_up_old_runs", hours=hours, tries_max=plan_tries_max)


def list_changed(uow: UnitOfWork, run_id: UUID, transaction_ids: Sequence[UUID]) -> dict[UUID, int]:
    """Return what we held as received of those of these transactions that a run has changed, before it did."""
    rows = uow.all("list_changed", run_id=str(run_id), ids=uuid_array(transaction_ids))
    return {row["id"]: row["ours"] for row in rows}


def list_in_flight(uow: UnitOfWork, transaction_ids: Sequence[UUID]) -> set[UUID]:
    """Return those of which an event, a refund or a call is on its way."""
    return {row["id"] for row in uow.all("list_in_flight", ids=uuid_array(transaction_ids))}
