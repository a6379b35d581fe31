"""Measure what traces cost a request; exit status 1 when a goal is missed, 3 when a run is void."""

import argparse
import json
import sys
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.common.machine import describe
from bench.common.rules import VOID, Void
from bench.common.stack import running_stack
from bench.observability.effort import FULL, QUICK
from bench.observability.lab import Lab
from bench.observability.report import Report
from bench.observability.rows import off, sampled

ROWS = {row.NAME: row.measure for row in (off, sampled)}
_NO_LIMIT = "100000"


def main(arguments: Sequence[str] | None = None) -> int:
    options = parse(arguments)
    limits = {"PAYLINK_RATE_LIMIT_PER_S": _NO_LIMIT, "PAYLINK_RATE_LIMIT_BURST": _NO_LIMIT}
    with TemporaryDirectory(prefix="paylink-bench-") as folder, running_stack(**limits) as stack:
        rows = []
        with closing(Lab(stack, QUICK if options.quick else FULL, Path(folder))) as lab:
            try:
                machine = describe(lab.paylink)
                for name, measure in ROWS.items():
                    lab.say(name)
                    rows.append(measure(lab))
            except Void as exc:
                lab.say(f"void: {exc}")
                return VOID
    report = Report(machine, rows)
    print(json.dumps(report.as_json(), indent=2))
    lab.say(report.text())
    if options.json:
        options.json.write_text(json.dumps(report.as_json(), indent=2) + "\n")
    if options.write_docs:
        from bench.observability.document import write

        write(report)
    return int(not options.quick and not all(row.passed for row in rows))


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./scripts/bench observability", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="every row once, too short to fail: shows that it runs")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures there, too")
    parser.add_argument("--write-docs", action="store_true", help="write the section of docs/performance.md anew")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
