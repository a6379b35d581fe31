"""How things stand, at a glance: the metrics' figures, put together for a person."""

from collections import Counter
from typing import Any

from paylink.core.breaker import CLOSED
from paylink.core.metrics import OPEN_COUNTED_MAX
from paylink.services.ports import Breakers
from paylink.services.run_report import run_summary
from paylink.store import reconciliation as runs
from paylink.store.database import Database
from paylink.store.discrepancies import read_open_discrepancies
from paylink.store.pages import Page
from paylink.store.unit_of_work import Row, UnitOfWork


def read_overview(database: Database, breakers: Breakers) -> dict[str, Any]:
    """
    Return events, accounting, open transactions and calls, breakers that are not closed, open discrepancies, and the
    newest reconciliation run. Amounts are in the currency's smallest unit, ages in seconds; open transactions are
    counted up to `OPEN_COUNTED_MAX`.

    Raises:
        StorageUnavailable: The database cannot answer.
    """
    told, accounts = database.run(_read)
    states = breakers.states([account["id"] for account in accounts])
    told["breakers"] = [
        {"provider": account["provider"], "account": account["name"], "state": state}
        for account, state in zip(accounts, states, strict=True)
        if state != CLOSED
    ]
    return told


def _read(uow: UnitOfWork) -> tuple[dict[str, Any], list[Row]]:
    unfinished = {row["state"]: row for row in uow.all("count_unfinished_events")}
    open_transactions = uow.one("count_unresolved_transactions", counted_max=OPEN_COUNTED_MAX)
    newest_runs, _ = runs.list_runs(uow, None, Page({}, limit=1))
    told = {
        "events": {state: _aged(unfinished.get(state)) for state in ("in_flight", "parked", "dead")},
        "accounting": _accounting(uow.all("read_intake_totals"), uow.all("read_balance")),
        "transactions": {"open": open_transactions["transactions"], "oldest_s": open_transactions["oldest_s"]},
        "calls": {row["what"]: row["calls"] for row in uow.all("count_unresolved_calls")},
        "discrepancies": _discrepancies(read_open_discrepancies(uow)),
        "last_run": run_summary(newest_runs[0]) if newest_runs else None,
    }
    return told, uow.all("list_account_names")


def _aged(row: Row | None) -> dict[str, Any]:
    return {"count": row["events"], "oldest_s": row["oldest_s"]} if row else {"count": 0, "oldest_s": 0.0}


def _accounting(intake: list[Row], balance: list[Row]) -> dict[str, int]:
    """Accounts may be off in opposite ways: what is told is by how much they are off in all."""
    return {
        "new": sum(row["new"] for row in intake),
        "redelivered": sum(row["redelivered"] for row in intake),
        "applied": sum(row["applied"] for row in balance),
        "ignored": sum(row["ignored"] for row in balance),
        "imbalance": sum(abs(row["imbalance"]) for row in balance),
    }


def _discrepancies(rows: list[Row]) -> dict[str, Any]:
    count: Counter[str] = Counter()
    drift: Counter[str] = Counter()
    for row in rows:
        count[row["currency"]] += row["discrepancies"]
        drift[row["currency"]] += row["drift"]
    return {
        "open": count.total(),
        "oldest_s": max((row["oldest_s"] for row in rows), default=0.0),
        "by_currency": [{"currency": code, "open": count[code], "drift": drift[code]} for code in sorted(count)],
    }
