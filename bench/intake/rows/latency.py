"""How long intake takes at half of its peak, from the time at which each request was due. No worker runs."""

from bench.intake.goals import Goal, Row, judge, summary
from bench.intake.lab import Lab

NAME = "latency"
P50 = Goal("intake latency at half of its peak rate, p50", "ms", must=5, at_least=False)
P99 = Goal("intake latency at half of its peak rate, p99", "ms", must=25, at_least=False)


def measure(lab: Lab) -> Row:
    side, seconds = lab.paylink, lab.effort.latency_s
    rate = lab.peak_per_s / 2
    since = side.mark()
    runs = []
    for _ in range(lab.effort.latency_runs):
        load = lab.intake_run(side, lab.prepare_for(side, rate, seconds), seconds, rate)
        load.require_all_accepted()
        runs.append(load.latency_ms)
        lab.say(f"  at {rate:,.0f} /s: p50 {runs[-1][50.0]:.1f} ms, p99 {runs[-1][99.0]:.1f} ms")
    lab.apply_all(side, since)
    lab.curves["intake"] = dict(runs[-1])
    details = {"rate_per_s": rate, "latency_ms": [summary(run) for run in runs]}
    return Row(NAME, (judge(P50, [r[50.0] for r in runs]), judge(P99, [r[99.0] for r in runs])), details)
