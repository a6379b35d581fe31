"""Measure the merchant API against its goals; exit status 1 when one is missed, 3 when a run is void."""

import argparse
import dataclasses
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.checkout import document
from bench.checkout.effort import FULL, QUICK
from bench.checkout.lab import Lab
from bench.checkout.report import Report
from bench.checkout.rows import cold_start, own_time, read_transaction
from bench.common.command import NO_LIMITS, parser, run
from bench.common.stack import running_stack

# Cold starts come last: they leave odd transactions behind.
ROWS = {row.NAME: row.measure for row in (own_time, read_transaction, cold_start)}


def main(arguments: Sequence[str] | None = None) -> int:
    options = parse(arguments)
    effort = QUICK if options.quick else FULL
    if options.seconds:
        effort = dataclasses.replace(effort, checkout_s=options.seconds)
    with TemporaryDirectory(prefix="paylink-bench-") as folder, running_stack(**NO_LIMITS) as stack:
        lab = Lab(stack, effort, Path(folder))
        return run(options, ROWS, lab, lambda machine, rows: Report(machine, rows, lab.cpu_ms), document.write)


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    options = parser("checkout", __doc__, list(ROWS))
    options.add_argument("--seconds", type=float, metavar="S", help="length of each run of checkouts")
    return options.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
