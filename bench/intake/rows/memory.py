"""The memory of one process that serves the API, while it serves as fast as it can."""

import threading

from bench.common.goals import Goal, Row, judge
from bench.common.resources import Memory, memory_of_servers
from bench.intake.lab import Lab

NAME = "memory"
RESIDENT = Goal("resident memory of one api process under load", "MB", must=150, aim=100, at_least=False)
_SAMPLE_S = 0.25


def measure(lab: Lab) -> Row:
    side, seconds = lab.paylink, lab.effort.latency_s
    expected = lab.peak_per_s
    since = side.mark()
    requests = lab.prepare_for(side, expected, seconds)
    samples: list[Memory] = []
    ended = threading.Event()
    pid = lab.stack.pid(side.gateway)

    def watch() -> None:
        while not ended.wait(_SAMPLE_S):
            samples.extend(memory_of_servers(pid))

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        lab.intake_run(side, requests, seconds)
    finally:
        ended.set()
        watcher.join()
    lab.apply_all(side, since)
    resident = max(sample.resident_mb for sample in samples)
    proportional = max(sample.proportional_mb for sample in samples)
    lab.say(f"  resident {resident:.0f} MB, proportional {proportional:.0f} MB at most")
    return Row(NAME, (judge(RESIDENT, [resident]),), {"rss_mb": resident, "pss_mb": proportional})
