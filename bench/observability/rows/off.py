"""What tracing costs a request where it is off."""

import statistics
from collections.abc import Mapping, Sequence

from bench.common.goals import Goal, Row, judge
from bench.observability.lab import Lab

NAME = "off"
GOALS = {
    "webhook": Goal("traces off: a webhook, to its event's outcome", "us", must=5, at_least=False),
    "checkout": Goal("traces off: a checkout", "us", must=5, at_least=False),
}
_ROUNDS = 5


def measure(lab: Lab) -> Row:
    counts, verdicts, once_ns = {}, [], {}
    for kind, make in lab.kinds.items():
        # Threads are counted that are started under it: so each kind has a new process.
        with lab.process() as process:
            counts[kind] = lab.ask(process, make(2 * lab.effort.counted), do="count", kind=kind)
        with lab.process() as process:
            lab.ask(process, make(lab.effort.counted), do="run", kind=kind, ratio=None)
            lab.ask(process, do="settle")
            rounds = [
                lab.ask(process, make(2 * lab.effort.once), do="once", kind=kind, counts=counts[kind])
                for _ in range(_ROUNDS)
            ]
        once_ns[kind] = [statistics.median(r["hooks"]) - statistics.median(r["empty"]) for r in rounds]
        verdicts.append(judge(GOALS[kind], [ns / 1000 for ns in once_ns[kind]]))
        lab.say(f"  {kind}: {verdicts[-1].figure.median:.2f} us for {sum(counts[kind].values()):.1f} hooks")
    with lab.process() as process:
        times = [lab.ask(process, do="time", times=lab.effort.timed) for _ in range(_ROUNDS)]
    return Row(NAME, tuple(verdicts), {"hooks": counts, "once_ns": once_ns, "hook_ns": times})


def in_a_loop_us(counts: Mapping[str, float], times: Sequence[Mapping[str, float]]) -> float:
    """Return what the hooks of a request take by the times of each in a loop, in microseconds."""
    return sum(count * statistics.median(of_round[hook] for of_round in times) for hook, count in counts.items()) / 1000
