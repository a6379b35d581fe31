"""GET /v1/tx/{id}, over one bare select behind Granian."""

import itertools
from pathlib import Path

from bench.checkout.bare_side import Bare
from bench.checkout.lab import PROBE_S, Lab
from bench.checkout.requests import first_pages, reads
from bench.common import generator
from bench.common.generator import CONNECTIONS, Load
from bench.common.goals import Goal, Row, judge, ratios, summary
from bench.common.seeding import seed

NAME = "read_transaction"
GOAL = Goal("GET /v1/tx/{id}, PayLink / bare", "x", must=0.5)
_REQUESTS = 60_000
_LISTERS = 2
"""A merchant who reads more lists at once is told to wait."""


def measure(lab: Lab) -> Row:
    side, seconds = lab.paylink, lab.effort.seconds
    seeded = seed(side, lab.effort.transactions)
    requests, pages = lab.folder / "reads", lab.folder / "pages"
    each = itertools.islice(itertools.cycle(transaction.id for transaction in seeded), _REQUESTS)
    generator.write_requests(requests, reads(each, lab.merchant_key))
    generator.write_requests(pages, first_pages(_REQUESTS, lab.merchant_key))
    bare = Bare(lab.stack, side.database_url)
    lab.best_bare(bare, requests)
    ports = {"bare": bare.port, NAME: side.port}
    rates: dict[str, list[float]] = {name: [] for name in ports}
    _run(requests, side.port, PROBE_S)
    for turn in range(lab.effort.alternations):
        for name in ports if turn % 2 == 0 else reversed(ports):
            with lab.cpu_counted(name) as loads:
                loads.append(_run(requests, ports[name], seconds))
            rates[name].append(loads[0].rate_per_s)
        lab.say(f"  {turn + 1}: bare {rates['bare'][-1]:,.0f} /s, PayLink {rates[NAME][-1]:,.0f} /s")
    bare.stop()
    with lab.cpu_counted("first page") as listed:
        listed.append(_run(pages, side.port, seconds, connections=_LISTERS))
    details = {
        "bare_per_s": rates["bare"],
        "read_per_s": rates[NAME],
        "bare_threads_per_s": lab.bare_rates,
        "transactions": lab.effort.transactions,
        "listed_per_s": listed[0].rate_per_s,
        "listed_ms": summary(listed[0].latency_ms),
    }
    return Row(NAME, (judge(GOAL, ratios(rates[NAME], rates["bare"])),), details)


def _run(requests: Path, port: int, seconds: float, connections: int = CONNECTIONS) -> Load:
    load = generator.send(requests, port, seconds=seconds, connections=connections)
    load.require_all_accepted()
    return load
