"""Measure the webhook path against its goals; exit status 1 when one is missed, 3 when a run is void."""

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
        rows = []
        try:
            machine = describe(lab.paylink)
            for name in options.rows:
                lab.say(name)
                rows.append(ROWS[name](lab))
        except Void as exc:
            lab.say(f"void: {exc}")
            return VOID
        report = Report(machine, rows, lab)
    print(json.dumps(report.as_json(), indent=2))
    lab.say(report.text())
    if options.json:
        options.json.write_text(json.dumps(report.as_json(), indent=2) + "\n")
    if options.plot:
        from bench.intake.plot import draw

        draw(report, options.plot)
    if options.write_docs:
        from bench.intake.document import write

        write(report)
    return int(not options.quick and not all(row.passed for row in rows))


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./scripts/bench intake", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="every row once, too short to fail: shows that it runs")
    parser.add_argument("--rows", type=names, default=list(ROWS), metavar="A,B", help=f"of {','.join(ROWS)}")
    parser.add_argument("--alternations", type=int, metavar="N", help="pairs of runs of the rows that compare")
    parser.add_argument("--seconds", type=float, metavar="S", help="length of each such run")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures there, too")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="draw what was measured as a PNG")
    parser.add_argument("--write-docs", action="store_true", help="write the section of docs/performance.md anew")
    return parser.parse_args(arguments)


def names(text: str) -> list[str]:
    chosen = text.split(",")
    if unknown := [name for name in chosen if name not in ROWS]:
        raise argparse.ArgumentTypeError(f"no such row: {', '.join(unknown)}; there are {', '.join(ROWS)}")
    return [name for name in ROWS if name in chosen]


def effort(options: argparse.Namespace) -> Effort:
    chosen = QUICK if options.quick else FULL
    given = {name: getattr(options, name) for name in ("alternations", "seconds") if getattr(options, name)}
    return dataclasses.replace(chosen, **given)


if __name__ == "__main__":
    sys.exit(main())
