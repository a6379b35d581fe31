"""The steady state with months of payments stored, over that of an empty database in the same server."""

from bench.common.goals import Goal, Row, judge, ratios
from bench.common.paylink_side import PayLink
from bench.intake.history import fill
from bench.intake.lab import Lab
from bench.intake.steady import SteadyState

NAME = "stored"
GOAL = Goal("steady rate, 5 million events stored / empty", "x", must=0.85, aim=0.95)


def measure(lab: Lab) -> Row:
    full, empty = PayLink(lab.stack, "full", "full"), PayLink(lab.stack, "empty", "empty")
    fill(full, transactions=lab.effort.stored_transactions, events=lab.effort.stored_events, say=lab.say)
    rates: dict[str, list[float]] = {full.name: [], empty.name: []}
    for side in (full, empty):
        side.start_gateway()
    for turn in range(lab.effort.alternations):
        for side in (full, empty) if turn % 2 == 0 else (empty, full):
            with lab.worker(side):
                rates[side.name].append(SteadyState(lab, side).measure().applied_per_s)
        lab.say(f"  {turn + 1}: full {rates[full.name][-1]:,.0f} /s, empty {rates[empty.name][-1]:,.0f} /s")
    details = {
        "events": lab.effort.stored_events,
        "transactions": lab.effort.stored_transactions,
        "bytes": full.row("select pg_database_size(current_database()) as bytes")["bytes"],
        "full_per_s": rates[full.name],
        "empty_per_s": rates[empty.name],
    }
    return Row(NAME, (judge(GOAL, ratios(rates[full.name], rates[empty.name])),), details)
