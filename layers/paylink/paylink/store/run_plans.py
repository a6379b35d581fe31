"""Reconciliation runs as they are asked for: stored, and divided into batches."""

from collections.abc import Collection
from typing import Any
from uuid import UUID

from paylink.core.reconciliation import BY_COMMAND, BY_SCHEDULE, Repair, RunOrder
from paylink.store.arrays import text_array, uuid_array
from paylink.store.unit_of_work import UnitOfWork

BATCH_SIZE = 500
SETTLEMENT_DAYS = 35
"""How far back lines are matched, unless a run is asked for another time."""
SAMPLE_DAYS = 90
PLAN_TRIES_MAX = 3
"""After that a run ends without having been planned."""
DUE_MAX = 5000
"""Of what is due a scheduled run takes so many, the longest due first: the next one takes more."""


def find_ordered_account(uow: UnitOfWork, order: RunOrder) -> UUID | None:
    """Return the account that an order names; None when there is none, or it is another merchant's."""
    whose = {"merchant_id": order.merchant_id, "provider": order.provider, "name": order.account}
    row = uow.first("find_ordered_account", **whose)
    return None if row is None else row["id"]


def insert_run(uow: UnitOfWork, run_id: UUID, order: RunOrder, account_id: UUID | None) -> bool:
    """Return False when one of the same scope is running: then none is stored."""
    columns = {name: getattr(order, name) for name in _ORDERED}
    given = {"scope": order.scope, "repair": order.repair.value, "account_id": account_id}
    return uow.run("insert_run", id=run_id, **given, **columns) == 1


def count_under_way(uow: UnitOfWork, order: RunOrder) -> int:
    """Lock the merchant, so that others wait, and return how many runs that its keys have started are under way."""
    uow.run("lock_merchant", id=order.merchant_id)
    others = text_array((BY_COMMAND, BY_SCHEDULE))
    return int(uow.one("count_under_way", merchant_id=order.merchant_id, others=others)["runs"])


def lock_unplanned(uow: UnitOfWork, run_id: UUID) -> tuple[RunOrder, UUID | None] | None:
    """Return what a run was asked for, and its account, when its batches are not written yet; else None."""
    row = uow.first("lock_unplanned", id=run_id)
    if row is None:
        return None
    account_id = row.pop("account_id")
    return RunOrder(**row | {"repair": Repair(row["repair"])}), account_id


def note_planned(uow: UnitOfWork, run_id: UUID) -> None:
    """All batches of a run are written: it ends when they have."""
    uow.run("note_planned", id=run_id)


def take_unplanned(uow: UnitOfWork, *, after_s: float, tried: Collection[UUID]) -> UUID | None:
    """Return a run that nobody has planned for so long, and is none of `tried`; the try counts from now on."""
    row = uow.first("take_unplanned", after_s=after_s, tried=uuid_array(tried), tries_max=PLAN_TRIES_MAX)
    return None if row is None else row["id"]


def limit_statements(uow: UnitOfWork, within_s: float) -> None:
    """Have Postgres end what takes longer, so that it does not go on for somebody who is gone."""
    uow.one("limit_statements", ms=int(within_s * 1000))


def plan_run(
    uow: UnitOfWork, run_id: UUID, order: RunOrder, account_id: UUID | None, providers: Collection[str]
) -> tuple[int, int]:
    """Return how many transactions the run asks about, and in how many batches."""
    limits = _limits(order, account_id, providers)
    row = uow.one(
        "plan_run",
        run_id=run_id,
        sample=order.sample,
        sample_days=SAMPLE_DAYS,
        size=BATCH_SIZE,
        due_max=DUE_MAX,
        selected_max=order.selected_max,
        **limits,
    )
    return row["selected"], row["batches"]


def note_asked(uow: UnitOfWork, run_id: UUID) -> None:
    """Note what a planned run asks about of what answers have left open: the schedule does so once an hour at most."""
    uow.run("note_asked", run_id=run_id)


def plan_settlements(
    uow: UnitOfWork, run_id: UUID, order: RunOrder, account_id: UUID | None, providers: Collection[str]
) -> int:
    """Add a batch for the lines of each account; with `due_only` of those whose lines were not matched for a day."""
    limits = _limits(order, account_id, providers)
    return uow.run("plan_settlements", run_id=run_id, days=SETTLEMENT_DAYS, **limits)


def _limits(order: RunOrder, account_id: UUID | None, providers: Collection[str]) -> dict[str, Any]:
    return {
        "merchant_id": order.merchant_id,
        "account_id": account_id,
        "providers": text_array(p for p in providers if order.provider in (None, p)),
        "created_from": order.created_from,
        "created_to": order.created_to,
        "due_only": order.due_only,
    }


def find_running(uow: UnitOfWork, order: RunOrder) -> UUID | None:
    row = uow.first("find_running", scope=order.scope)
    return None if row is None else row["id"]


def drop_run(uow: UnitOfWork, run_id: UUID) -> None:
    """Forget a run that was not planned."""
    uow.run("drop_run", id=run_id)


_ORDERED = (
    "merchant_id", "started_by", "provider", "created_from", "created_to",
    "due_only", "sample", "statuses", "settlements",
)  # fmt: skip
