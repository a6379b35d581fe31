"""Examines what goes on by itself: schedules, partitions, and the accounting."""

from collections.abc import Sequence

from paylink.store.unit_of_work import Row
from paylink_local.doctor.finding import Finding, named, ok, warning, wrong

_OVERDUE_S = {"relay_events": 300.0, "resolve_unknown": 1800.0}
_PULLS_OVERDUE_S = 3600.0
_RUN_EVERY_S = 900.0


def judge_schedules(overdue: Row, mend: str) -> list[Finding]:
    """
    overdue: the row of `read_overdue_work`. What a schedule does tells whether it runs: nothing waits for it long.
    """
    found = []
    for schedule, most_s in _OVERDUE_S.items():
        if (waits_s := overdue[schedule]) is not None and waits_s > most_s:
            seen = f"{schedule} has left something due for {_minutes(waits_s)}"
            found.append(wrong("schedules", seen, mend))
    waits_s, run_s = overdue["start_reconciliation"], overdue["last_scheduled_run"]
    if waits_s is not None and waits_s > _PULLS_OVERDUE_S and (run_s is None or run_s > _RUN_EVERY_S):
        ago = "ever" if run_s is None else f"for {_minutes(run_s)}"
        seen = f"start_reconciliation has begun no run {ago}, and something is due for {_minutes(waits_s)}"
        found.append(wrong("schedules", seen, mend))
    return found or [ok("schedules", "nothing is overdue")]


def judge_partitions(missing: Sequence[str]) -> Finding:
    """missing: months, of this one and the next, for whose webhook bodies there is no partition."""
    if missing:
        seen = f"webhook_bodies has no partition for {named(missing)}: what comes is kept with the rest"
        return warning(
            "partitions", seen, "relay_events makes them: see whether it runs, and whether its log tells why"
        )
    return ok("partitions", "webhook_bodies has this month's and the next")


def judge_accounting(balance: Sequence[Row]) -> Finding:
    """balance: the rows of `read_balance`."""
    if off := [f"{row['provider']}/{row['account']} by {row['imbalance']}" for row in balance if row["imbalance"]]:
        seen = f"stored webhooks that are in no state: {named(off)}"
        return wrong(
            "accounting", seen, "stop changing the database by hand, and compare with the view webhook_accounting"
        )
    return ok("accounting", "every stored webhook has its place")


def _minutes(seconds: float) -> str:
    return f"{seconds / 60:.0f} minutes"
