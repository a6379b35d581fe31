"""Intake alone: the queue on, the worker stopped. PayLink's peak over the yardstick's."""

import statistics

from bench.common.goals import Goal, Row, judge, ratios
from bench.intake.lab import Lab

NAME = "intake"
GOAL = Goal("intake alone, PayLink / bare", "x", must=0.7, aim=1.0)


def measure(lab: Lab) -> Row:
    side, seconds = lab.paylink, lab.effort.seconds
    expected = max(lab.peak_per_s, lab.bare_per_s)
    since = side.mark()
    bare: list[float] = []
    paylink: list[float] = []
    for turn in range(lab.effort.alternations):
        requests = lab.prepare_for(side, expected, seconds)
        for ours in (False, True) if turn % 2 == 0 else (True, False):
            if ours:
                load = lab.intake_run(side, requests, seconds)
                paylink.append(load.rate_per_s)
            else:
                bare.append(lab.bare_run(requests, seconds).rate_per_s)
        lab.say(f"  {turn + 1}: bare {bare[-1]:,.0f} /s, PayLink {paylink[-1]:,.0f} /s")
    lab.apply_all(side, since)
    # Better known now than by its probe: what is asked for half of the peak starts from here.
    lab.peak_per_s = statistics.median(paylink)
    lab.series |= {"bare": bare, "intake": paylink}
    details = {"bare_per_s": bare, "paylink_per_s": paylink, "bare_threads_per_s": lab.bare_rates}
    return Row(NAME, (judge(GOAL, ratios(paylink, bare)),), details)
