"""Measure reconciliation runs against their goals; exit status 1 when one is missed, 3 when a run is void."""

import argparse
import dataclasses
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.common.machine import describe
from bench.common.rules import VOID, Void
from bench.common.stack import running_stack
from bench.reconcile.effort import FULL, QUICK
from bench.reconcile.lab import Lab
from bench.reconcile.report import Report
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
        rows = []
        try:
            machine = describe(lab.paylink)
            for name in options.rows:
                lab.say(name)
                rows.append(ROWS[name](lab))
        except Void as exc:
            lab.say(f"void: {exc}")
            return VOID
    report = Report(machine, rows, lab.cpu_ms)
    print(json.dumps(report.as_json(), indent=2))
    lab.say(report.text())
    if options.json:
        options.json.write_text(json.dumps(report.as_json(), indent=2) + "\n")
    if options.write_docs:
        from bench.reconcile.document import write

        write(report)
    return int(not options.quick and not all(row.passed for row in rows))


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./scripts/bench reconcile", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="every row once, too short to fail: shows that it runs")
    parser.add_argument("--rows", type=names, default=list(ROWS), metavar="A,B", help=f"of {','.join(ROWS)}")
    parser.add_argument("--alternations", type=int, metavar="N", help="pairs of runs of the row that compares")
    parser.add_argument("--crowd-s", type=float, metavar="S", help="watch each run whose memory is measured so long")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures there, too")
    parser.add_argument("--write-docs", action="store_true", help="write the section of docs/performance.md anew")
    return parser.parse_args(arguments)


def names(text: str) -> list[str]:
    chosen = text.split(",")
    if unknown := [name for name in chosen if name not in ROWS]:
        raise argparse.ArgumentTypeError(f"no such row: {', '.join(unknown)}; there are {', '.join(ROWS)}")
    return [name for name in ROWS if name in chosen]


if __name__ == "__main__":
    sys.exit(main())
