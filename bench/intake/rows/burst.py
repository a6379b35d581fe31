"""A burst: as much as intake takes, with the worker on, and then the time until everything is applied."""

from bench.common import generator
from bench.common.goals import Goal, Row, judge, summary
from bench.intake.checks import await_applied, check_stored, pace, per_second
from bench.intake.lab import DRAIN_S, Lab

NAME = "burst"
LOST = Goal("burst at peak: events lost", "", must=0, at_least=False)
DOUBLED = Goal("burst at peak: events applied twice", "", must=0, at_least=False)


def measure(lab: Lab) -> Row:
    side, seconds = lab.paylink, lab.effort.burst_s
    with lab.worker(side):
        expected = lab.peak_per_s
        mark = side.mark()
        requests = lab.prepare_for(side, expected, seconds)
        load = generator.send(requests, side.port, seconds=seconds)
        check_stored(side, mark, load)
        # Both raise Void when anything is lost or doubled: the row has no other figures than zeros.
        await_applied(side, mark, DRAIN_S)
        found = pace(side, mark)
        lab.series["burst accepted"], lab.series["burst applied"] = per_second(side, mark)
    lab.say(f"  {load.accepted:,} in {found.seconds:.0f} s, all applied {found.drained_after_s:.1f} s later")
    details = {
        "accepted": load.accepted,
        "not_accepted": load.doubtful,
        "accepted_per_s": found.events / found.seconds,
        "drained_after_s": found.drained_after_s,
        "backlog": found.backlog,
        "latency_ms": summary(load.latency_ms),
    }
    return Row(NAME, (judge(LOST, [0.0]), judge(DOUBLED, [0.0])), details)
