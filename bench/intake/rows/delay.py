"""From accepted to applied at half of the steady rate, by the database's clock: `finished_at - received_at`."""

from bench.common import generator
from bench.common.goals import Goal, Row, judge, summary
from bench.intake.checks import await_applied, check_stored, delays_ms
from bench.intake.lab import DRAIN_S, LIGHTER_LOADS, Lab
from bench.intake.steady import SteadyState

NAME = "delay"
P50 = Goal("accepted -> applied at half of the steady rate, p50", "ms", must=25, at_least=False)
P99 = Goal("accepted -> applied at half of the steady rate, p99", "ms", must=100, at_least=False)


def measure(lab: Lab) -> Row:
    with lab.worker(lab.paylink):
        steady = SteadyState(lab, lab.paylink).rate_per_s
        lighter = {share * steady: _run(lab, share * steady) for share in LIGHTER_LOADS}
        runs = [_run(lab, steady / 2) for _ in range(lab.effort.latency_runs)]
    lab.curves["delay"] = runs[-1]
    details = {
        "rate_per_s": steady / 2,
        "delay_ms": [summary(run) for run in runs],
        "lighter_loads": {rate: summary(curve) for rate, curve in lighter.items()},
    }
    return Row(NAME, (judge(P50, [r[50.0] for r in runs]), judge(P99, [r[99.0] for r in runs])), details)


def _run(lab: Lab, rate_per_s: float) -> dict[float, float]:
    side, seconds = lab.paylink, lab.effort.latency_s
    mark = side.mark()
    requests = lab.prepare_for(side, rate_per_s, seconds)
    with lab.cpu_counted("pipeline, paced") as loads:
        load = generator.send(requests, side.port, seconds=seconds, rate_per_s=rate_per_s)
        loads.append(load)
        await_applied(side, mark, DRAIN_S)
    load.require_all_accepted()
    check_stored(side, mark, load)
    delays = delays_ms(side, mark)
    lab.say(f"  at {rate_per_s:,.0f} /s: p50 {delays[50.0]:.1f} ms, p99 {delays[99.0]:.1f} ms")
    return delays
