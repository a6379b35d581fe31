"""How long it takes to choose a run's transactions among very many."""

from bench.common.goals import Goal, Row, judge
from bench.common.rules import Void
from bench.reconcile.crowd import analyze, open_more, pay_more
from bench.reconcile.lab import Lab

NAME = "selection"
GOAL = Goal("choosing a run's 1,000 among 2 million", "ms", must=50, at_least=False)
STALE = 1_000
SAMPLE = 100


def measure(lab: Lab) -> Row:
    side, stored = lab.crowded, lab.effort.stored
    pay_more(side, 1, stored - STALE)
    open_more(side, 1, STALE)
    analyze(side)
    lab.say(f"  {stored:,} transactions are stored")
    found: dict[int, list[float]] = {0: [], SAMPLE: []}
    with lab.worker(side) as process:
        for sample, times_ms in found.items():
            process.do("choose", sample=sample)
            for _ in range(lab.effort.plans):
                chosen = process.do("choose", sample=sample)
                if not STALE + bool(sample) <= chosen["selected"] <= STALE + sample:
                    raise Void(f"{chosen['selected']} were chosen, of {STALE} that are due and a sample of {sample}")
                times_ms.append(1000 * chosen["seconds"])
    verdict = judge(GOAL, found[SAMPLE])
    lab.say(f"  {verdict.figure.median:.1f} ms")
    return Row(NAME, (verdict,), {"stored": stored, "with_sample_ms": found[SAMPLE], "without_sample_ms": found[0]})
