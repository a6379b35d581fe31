"""Measure reconciliation runs against their goals; exit status 1 when one is missed, 3 when a run is void."""

import argparse
import dataclasses
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.common.command import parser, run
from bench.common.report import Report
from bench.common.stack import running_stack
from bench.reconcile import document
from bench.reconcile.effort import FULL, QUICK
from bench.reconcile.lab import Lab
from bench.reconcile.rows import memory, selection, status_pull

# Memory comes last: it goes on with what selection has stored.
ROWS = {row.NAME: row.measure for row in (status_pull, selection, memory)}


def main(arguments: Sequence[str] | None = None) -> int:
    options = parse(arguments)
    effort = QUICK if options.quick else FULL
    if options.alternations:
        effort = dataclasses.replace(effort, alternations=options.alternations)
    if options.crowd_s:
        effort = dataclasses.replace(effort, crowd_s=options.crowd_s)
    with TemporaryDirectory(prefix="paylink-bench-") as folder, running_stack() as stack:
        lab = Lab(stack, effort, Path(folder))
        return run(options, ROWS, lab, lambda machine, rows: Report(machine, rows, lab.cpu_ms), document.write)


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    options = parser("reconcile", __doc__, list(ROWS))
    options.add_argument("--alternations", type=int, metavar="N", help="pairs of runs of the row that compares")
    options.add_argument("--crowd-s", type=float, metavar="S", help="watch each run whose memory is measured so long")
    return options.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
