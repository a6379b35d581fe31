"""Measure the webhook path against its goals; exit status 1 when one is missed, 3 when a run is void."""

import argparse
import dataclasses
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.common.command import parser, run
from bench.common.stack import running_stack
from bench.intake import document
from bench.intake.effort import FULL, QUICK, Effort
from bench.intake.lab import Lab
from bench.intake.report import Report
from bench.intake.rows import burst, delay, intake, latency, memory, pipeline, recovery, stored

# In this order: each finds what a later one starts from, and the yardstick does not outlive Postgres' restart.
ROWS = {row.NAME: row.measure for row in (intake, pipeline, latency, delay, memory, recovery, burst, stored)}


def main(arguments: Sequence[str] | None = None) -> int:
    options = parse(arguments)
    with TemporaryDirectory(prefix="paylink-bench-") as folder, running_stack() as stack:
        lab = Lab(stack, effort(options), Path(folder))
        return run(options, ROWS, lab, lambda machine, rows: Report(machine, rows, lab.cpu_ms, lab=lab), document.write)


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    options = parser("intake", __doc__, list(ROWS))
    options.add_argument("--alternations", type=int, metavar="N", help="pairs of runs of the rows that compare")
    options.add_argument("--seconds", type=float, metavar="S", help="length of each such run")
    return options.parse_args(arguments)


def effort(options: argparse.Namespace) -> Effort:
    chosen = QUICK if options.quick else FULL
    given = {name: getattr(options, name) for name in ("alternations", "seconds") if getattr(options, name)}
    return dataclasses.replace(chosen, **given)


if __name__ == "__main__":
    sys.exit(main())
