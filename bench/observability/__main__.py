"""Measure what traces cost a request; exit status 1 when a goal is missed, 3 when a run is void."""

import sys
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.common.command import NO_LIMITS, parser, run
from bench.common.report import Report
from bench.common.stack import running_stack
from bench.observability import document
from bench.observability.effort import FULL, QUICK
from bench.observability.lab import Lab
from bench.observability.rows import off, sampled

ROWS = {row.NAME: row.measure for row in (off, sampled)}


def main(arguments: Sequence[str] | None = None) -> int:
    options = parser("observability", __doc__, list(ROWS)).parse_args(arguments)
    effort = QUICK if options.quick else FULL
    with (
        TemporaryDirectory(prefix="paylink-bench-") as folder,
        running_stack(**NO_LIMITS) as stack,
        closing(Lab(stack, effort, Path(folder))) as lab,
    ):
        return run(options, ROWS, lab, Report, document.write)


if __name__ == "__main__":
    sys.exit(main())
