"""How long intake takes at half of its peak, from the time at which each request was due. No worker runs."""

from collections.abc import Mapping

from bench.common.goals import Goal, Row, judge, summary
from bench.intake.lab import LIGHTER_LOADS, Lab

NAME = "latency"
P50 = Goal("intake latency at half of its peak rate, p50", "ms", must=5, at_least=False)
P99 = Goal("intake latency at half of its peak rate, p99", "ms", must=25, at_least=False)


def measure(lab: Lab) -> Row:
    side = lab.paylink
    half = lab.peak_per_s / 2
    since = side.mark()
    lighter = {share * lab.peak_per_s: _run(lab, share * lab.peak_per_s) for share in LIGHTER_LOADS}
    runs = [_run(lab, half) for _ in range(lab.effort.latency_runs)]
    lab.apply_all(side, since)
    lab.curves["intake"] = dict(runs[-1])
    details = {
        "rate_per_s": half,
        "latency_ms": [summary(run) for run in runs],
        "lighter_loads": {rate: summary(curve) for rate, curve in lighter.items()},
    }
    return Row(NAME, (judge(P50, [r[50.0] for r in runs]), judge(P99, [r[99.0] for r in runs])), details)


def _run(lab: Lab, rate_per_s: float) -> Mapping[float, float]:
    side, seconds = lab.paylink, lab.effort.latency_s
    load = lab.intake_run(side, lab.prepare_for(side, rate_per_s, seconds), seconds, rate_per_s)
    load.require_all_accepted()
    lab.say(f"  at {rate_per_s:,.0f} /s: p50 {load.latency_ms[50.0]:.1f} ms, p99 {load.latency_ms[99.0]:.1f} ms")
    return load.latency_ms
