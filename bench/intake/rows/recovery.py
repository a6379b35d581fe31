"""From the death of the worker, or of Postgres, to the first event that is applied after it, under light load."""

import os
import signal
import time

from bench.common.generator import CONNECTIONS, Running
from bench.common.goals import Goal, Row, judge
from bench.common.rules import Void
from bench.intake.checks import applied_after, await_applied, check_stored
from bench.intake.lab import DRAIN_S, Lab

NAME = "recovery"
WORKER = Goal("first event applied after a killed worker", "s", must=5, aim=2, at_least=False)
POSTGRES = Goal("first event applied after a restarted Postgres", "s", must=5, aim=2, at_least=False)
_RATE_PER_S = 100
_BEFORE_S = 2.0
_LOAD_S = 15.0


def measure(lab: Lab) -> Row:
    side = lab.paylink
    since = side.mark()
    with lab.worker(side):
        worker = [_recover(lab, "worker", signal.SIGKILL) for _ in range(lab.effort.recoveries)]
        # Its immediate shutdown: nothing is written, the next start recovers from the log.
        # The first time it also replays what all rows before this one wrote, which is no light load.
        first, *postgres = [_recover(lab, "postgres", signal.SIGQUIT) for _ in range(1 + lab.effort.recoveries)]
        # What the dead had claimed waits for the end of its lease.
        await_applied(side, since, DRAIN_S)
    details = {"worker_s": worker, "postgres_s": postgres, "postgres_first_s": first}
    return Row(NAME, (judge(WORKER, worker), judge(POSTGRES, postgres)), details)


def _recover(lab: Lab, service: str, number: signal.Signals) -> float:
    side = lab.paylink
    mark = side.mark()
    requests = lab.prepare_for(side, _RATE_PER_S, _LOAD_S)
    load = Running(requests, side.port, seconds=_LOAD_S, rate_per_s=_RATE_PER_S, connections=CONNECTIONS)
    time.sleep(_BEFORE_S)
    killed_at = time.time()
    os.kill(lab.stack.pid(service), number)
    sent = load.result()
    side.connect(timeout_s=60)
    check_stored(side, mark, sent)
    give_up = time.monotonic() + DRAIN_S
    while (after := applied_after(side, mark, killed_at)) is None:
        if time.monotonic() > give_up:
            raise Void(f"nothing was applied after {service} was killed")
        time.sleep(0.2)
    refused = sent.sent - sent.accepted
    lab.say(f"  {service} killed: first applied after {after:.2f} s; {refused} of {sent.sent} requests not accepted")
    return after
