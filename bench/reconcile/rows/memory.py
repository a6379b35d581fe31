"""The memory of a worker process, by how many transactions its run has, and by how many lines are matched."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psutil

from bench.common.goals import Goal, Row, judge
from bench.common.rules import Void
from bench.reconcile.crowd import analyze, open_more, pay_more, settle_more, window
from bench.reconcile.lab import Lab
from bench.reconcile.rows.selection import STALE
from bench.reconcile.worker_side import Worker

NAME = "memory"
PULLING = Goal("resident memory of a worker, status pull", "MB", must=200, at_least=False)
MATCHING = Goal("resident memory of a worker, settlement matching", "MB", must=200, at_least=False)
FLAT_PULLING = Goal("the same, the largest run / the smallest, status pull", "x", must=1.25, at_least=False)
FLAT_MATCHING = Goal("the same, the largest / the smallest, matching", "x", must=1.25, at_least=False)
_SAMPLE_S = 0.25
_MB = 1e6


def measure(lab: Lab) -> Row:
    side = lab.crowded
    stored = side.row("select count(*) as n from transactions where state = 'paid'")["n"]
    opened = side.row("select count(*) as n from transactions where state = 'pending'")["n"]
    settled = 0
    pulling: list[dict[str, Any]] = []
    matching: list[dict[str, Any]] = []
    for count in lab.effort.crowds:
        if stored < count:
            pay_more(side, stored + 1, count)
            stored = count
        open_more(side, opened + 1, count)
        settle_more(side, settled + 1, count)
        opened, settled = max(opened, count), count
        analyze(side)
        pulling.append(_pull(lab, max(count, STALE)))
        matching.append(_match(lab, count))
    verdicts = []
    for goal, flat, found in ((PULLING, FLAT_PULLING, pulling), (MATCHING, FLAT_MATCHING, matching)):
        peaks = [one["peak_mb"] for one in found]
        verdicts += [judge(goal, [max(peaks)]), judge(flat, [peaks[-1] / peaks[0]])]
    return Row(NAME, tuple(verdicts), {"pulling": pulling, "matching": matching})


def _pull(lab: Lab, count: int) -> dict[str, Any]:
    """A run over all that is open, by a new worker, with the stand-in as its provider."""
    with lab.worker(lab.crowded, **lab.stand_in) as process, _watched(process) as resident_mb:
        planned = process.do("plan")
        took = process.do("work", run_id=planned["run_id"], within_s=lab.effort.crowd_s)
    run = lab.crowded.row(
        "select r.selected, r.state, coalesce(nullif(r.checked, 0), (select sum(b.position - b.failed)"
        " from reconciliation_batches b where b.run_id = r.id)) as checked from reconciliation_runs r where id = %s",
        planned["run_id"],
    )
    if run["selected"] < count or not run["checked"]:
        raise Void(f"a run of {count} transactions ended as {run}")
    lab.end_runs()
    found = {"selected": run["selected"], "checked": int(run["checked"]), "planned_s": planned["seconds"], **took}
    return _told(lab, "status pull", found, resident_mb)


def _match(lab: Lab, count: int) -> dict[str, Any]:
    since, until = window(count)
    with lab.worker(lab.crowded) as process, _watched(process) as resident_mb:
        took = process.do(
            "match",
            account_id=str(lab.crowded.account_id),
            since=since.isoformat(),
            until=until.isoformat(),
            within_s=lab.effort.crowd_s,
        )
    if took["found"] or (took["ended"] and took["compared"] < count):
        raise Void(f"matching of {count} lines ended as {took}")
    return _told(lab, "matching", {"selected": count, "checked": took["compared"], **took}, resident_mb)


def _told(lab: Lab, what: str, found: dict[str, Any], resident_mb: list[float]) -> dict[str, Any]:
    middle = resident_mb[len(resident_mb) // 2]
    lab.say(
        f"  {what}, {found['selected']:,}: {found['checked']:,} done in {found['seconds']:.0f} s, "
        f"{found['peak_mb']:.0f} MB at most, {middle:.0f} MB half way, {resident_mb[-1]:.0f} MB at the end"
    )
    return found | {"half_way_mb": middle, "at_the_end_mb": resident_mb[-1]}


@contextmanager
def _watched(process: Worker) -> Iterator[list[float]]:
    """Note the resident memory of a process, from time to time, in the list that the block gets."""
    watched, ended = psutil.Process(process.pid), threading.Event()
    found = [watched.memory_info().rss / _MB]

    def watch() -> None:
        while not ended.wait(_SAMPLE_S):
            found.append(watched.memory_info().rss / _MB)

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield found
    finally:
        ended.set()
        thread.join()
