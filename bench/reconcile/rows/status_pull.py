"""Transactions a second of a run, over the provider's client alone with the same connections."""

from typing import Any

from bench.common.goals import Goal, Row, judge, ratios
from bench.common.seeding import Seeded
from bench.reconcile.lab import Lab, ids
from bench.reconcile.worker_side import Worker

NAME = "status_pull"
GOAL = Goal("status pull, a run / the fetches alone", "x", must=0.7)
CHANGED_SHARE = 0.05


def measure(lab: Lab) -> Row:
    seeded = lab.open(lab.effort.transactions)
    with lab.worker() as process:
        _pair(lab, process, seeded, 0, run_first=True)
        quiet = [_pair(lab, process, seeded, 0, run_first=turn % 2 == 0) for turn in range(lab.effort.alternations)]
        changed = []
        for turn in range(lab.effort.alternations):
            count = int(len(seeded) * CHANGED_SHARE)
            # Evenly among the others.
            paid = seeded[:: len(seeded) // count][:count]
            lab.books.pay(paid)
            changed.append(_pair(lab, process, seeded, count, run_first=turn % 2 == 0))
            gone = set(paid)
            seeded = [one for one in seeded if one not in gone] + lab.open(count)
    details: dict[str, Any] = {
        "transactions": len(seeded),
        "runs_per_s": [run for run, _ in quiet],
        "fetches_per_s": [fetch for _, fetch in quiet],
        "changed_runs_per_s": [run for run, _ in changed],
        "changed_fetches_per_s": [fetch for _, fetch in changed],
    }
    return Row(NAME, (judge(GOAL, ratios(details["runs_per_s"], details["fetches_per_s"])),), details)


def _pair(lab: Lab, process: Worker, seeded: list[Seeded], changed: int, *, run_first: bool) -> tuple[float, float]:
    """Return transactions a second: of a run, and of fetches alone."""
    count, kind = len(seeded), "changed" if changed else "quiet"
    process.do("prepare", ids=ids(seeded))

    def run() -> float:
        with lab.cpu_counted(f"run, {kind}", process, count):
            return count / float(lab.run(process, asked=count, changed=changed)["seconds"])

    def fetch() -> float:
        with lab.cpu_counted(f"fetches, {kind}", process, count):
            return count / float(process.do("fetch")["seconds"])

    ran, fetched = (run(), fetch()) if run_first else reversed((fetch(), run()))
    lab.say(f"  {kind}: run {ran:,.0f} /s, fetches {fetched:,.0f} /s: {ran / fetched:.2f}")
    return ran, fetched
