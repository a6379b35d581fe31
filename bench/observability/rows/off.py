"""What tracing costs a request where it is off."""

from bench.common.goals import Goal, Row, judge
from bench.observability.lab import Lab

NAME = "off"
GOALS = {
    "webhook": Goal("traces off: a webhook, to its event's outcome", "us", must=5, at_least=False),
    "checkout": Goal("traces off: a checkout", "us", must=5, at_least=False),
}
_ROUNDS = 5


def measure(lab: Lab) -> Row:
    counts = {}
    for kind, make in lab.kinds.items():
        # Threads are counted that are started under it: so each kind has a new process.
        with lab.process() as process:
            counts[kind] = lab.ask(process, make(2 * lab.effort.counted), do="count", kind=kind)
    with lab.process() as process:
        times = [lab.ask(process, do="time", times=lab.effort.timed) for _ in range(_ROUNDS)]
    verdicts = []
    for kind, goal in GOALS.items():
        costs_us = [sum(count * of_round[hook] for hook, count in counts[kind].items()) / 1000 for of_round in times]
        verdicts.append(judge(goal, costs_us))
        lab.say(f"  {kind}: {verdicts[-1].figure.median:.2f} us of {sum(counts[kind].values()):.1f} hooks")
    return Row(NAME, tuple(verdicts), {"hooks": counts, "hook_ns": times})
