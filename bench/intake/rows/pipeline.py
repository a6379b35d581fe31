"""The whole pipeline in steady state, over the yardstick's peak."""

from bench.common.goals import Goal, Row, judge, ratios
from bench.intake.lab import Lab
from bench.intake.steady import SteadyState

NAME = "pipeline"
GOAL = Goal("whole pipeline in steady state, PayLink / bare", "x", must=0.25, aim=0.35)


def measure(lab: Lab) -> Row:
    seconds = lab.effort.seconds
    bare: list[float] = []
    paylink: list[float] = []
    accepted: list[float] = []
    steady = SteadyState(lab, lab.paylink)
    for turn in range(lab.effort.alternations):
        for ours in (False, True) if turn % 2 == 0 else (True, False):
            if ours:
                with lab.worker(lab.paylink):
                    found = steady.measure()
                paylink.append(found.applied_per_s)
                accepted.append(found.accepted_per_s)
            else:
                requests = lab.prepare_for(lab.paylink, lab.bare_per_s, seconds)
                bare.append(lab.bare_run(requests, seconds).rate_per_s)
        lab.say(f"  {turn + 1}: bare {bare[-1]:,.0f} /s, PayLink {paylink[-1]:,.0f} /s")
    lab.series |= {"bare beside the pipeline": bare, "pipeline": paylink}
    details = {"bare_per_s": bare, "applied_per_s": paylink, "accepted_per_s": accepted}
    return Row(NAME, (judge(GOAL, ratios(paylink, bare)),), details)
