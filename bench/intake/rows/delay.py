"""From accepted to applied at half of the steady rate, by the database's clock: `finished_at - received_at`."""

from bench.intake import generator
from bench.intake.checks import await_applied, check_stored, delays_ms
from bench.intake.goals import Goal, Row, judge, summary
from bench.intake.lab import DRAIN_S, Lab
from bench.intake.steady import SteadyState

NAME = "delay"
P50 = Goal("accepted -> applied at half of the steady rate, p50", "ms", must=25, at_least=False)
P99 = Goal("accepted -> applied at half of the steady rate, p99", "ms", must=100, at_least=False)


def measure(lab: Lab) -> Row:
    side, seconds = lab.paylink, lab.effort.latency_s
    runs = []
    with lab.worker(side):
        rate = SteadyState(lab, side).rate_per_s / 2
        for _ in range(lab.effort.latency_runs):
            mark = side.mark()
            requests = lab.prepare_for(side, rate, seconds)
            load = generator.send(requests, side.port, seconds=seconds, rate_per_s=rate)
            load.require_all_accepted()
            await_applied(side, mark, DRAIN_S)
            check_stored(side, mark, load)
            runs.append(delays_ms(side, mark))
            lab.say(f"  at {rate:,.0f} /s: p50 {runs[-1][50.0]:.1f} ms, p99 {runs[-1][99.0]:.1f} ms")
    lab.curves["delay"] = runs[-1]
    details = {"rate_per_s": rate, "delay_ms": [summary(run) for run in runs]}
    return Row(NAME, (judge(P50, [r[50.0] for r in runs]), judge(P99, [r[99.0] for r in runs])), details)
