"""What tracing costs a request while one in ten, or each, is sampled: against the same process with tracing off."""

import statistics
from collections.abc import Mapping, Sequence

from bench.common.goals import Goal, Row, judge
from bench.common.rules import Void
from bench.observability.lab import ALL, OFF, RATIOS, TENTH, Lab

NAME = "sampled"
GOALS = {
    "webhook": Goal("traces of 10 %: a webhook, to its event's outcome", "us", must=60, at_least=False),
    "checkout": Goal("traces of 10 %: a checkout", "us", must=60, at_least=False),
}

Runs = Mapping[str, Sequence[Mapping[str, float]]]
"""By mode, what each turn found."""


def measure(lab: Lab) -> Row:
    verdicts, details = [], {}
    with lab.process() as process:
        for kind, make in lab.kinds.items():
            size = lab.effort.webhooks if kind == "webhook" else lab.effort.checkouts
            lab.ask(process, make(size), do="run", kind=kind, ratio=1.0)
            lab.ask(process, do="settle")
            found: dict[str, list[dict[str, float]]] = {mode: [] for mode in RATIOS}
            for number in range(lab.effort.alternations):
                # Each time begun by another one.
                turn = number % len(RATIOS)
                for mode in [*RATIOS, *RATIOS][turn : turn + len(RATIOS)]:
                    told = lab.ask(process, make(size), do="run", kind=kind, ratio=RATIOS[mode])
                    if told.get("dropped"):
                        raise Void(f"{told['dropped']} spans were dropped")
                    found[mode].append(told)
            details[kind] = found
            verdicts.append(judge(GOALS[kind], [each / 10 for each in more(found, ALL)]))
            lab.say(
                f"  {kind}: off {statistics.median(run['cpu_us'] for run in found[OFF]):,.0f} us; "
                f"10 % {statistics.median(more(found, TENTH)):+.1f} us, "
                f"100 % {statistics.median(more(found, ALL)):+.1f} us"
            )
    return Row(NAME, tuple(verdicts), details)


def more(found: Runs, mode: str) -> list[float]:
    """Return by how much processor time a request took more than without traces, in each turn; in microseconds."""
    return [run["cpu_us"] - of_off["cpu_us"] for run, of_off in zip(found[mode], found[OFF], strict=True)]
