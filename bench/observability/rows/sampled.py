"""What tracing costs a request while one in ten, or each, is sampled: against the same process with tracing off."""

import statistics

from bench.common.goals import Goal, Row, judge
from bench.common.rules import Void
from bench.observability.lab import ALL, OFF, RATIOS, TENTH, Lab

NAME = "sampled"
_GOALS = {
    "webhook": Goal("traces of 10 %: a webhook, from its arrival to its event's outcome", "us", 60, at_least=False),
    "checkout": Goal("traces of 10 %: a checkout", "us", must=60, at_least=False),
}


def measure(lab: Lab) -> Row:
    with lab.process() as process:
        verdicts, details = [], {}
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
            off = [run["cpu_us"] for run in found[OFF]]
            more = {
                mode: [run["cpu_us"] - of_off for run, of_off in zip(found[mode], off, strict=True)]
                for mode in (TENTH, ALL)
            }
            spans = statistics.mean(run["spans"] for run in found[ALL])
            # A tenth of what each costs: what a request costs varies by more than that.
            verdicts.append(judge(_GOALS[kind], [each / 10 for each in more[ALL]]))
            lab.say(
                f"  {kind}: off {statistics.median(off):,.0f} us; 10 % {statistics.median(more[TENTH]):+.1f} us, "
                f"100 % {statistics.median(more[ALL]):+.1f} us for {spans:.0f} spans"
            )
    return Row(NAME, tuple(verdicts), details)
