"""Measure paycrypto against its goals; exit status 1 when one is missed."""

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from bench.crypto.cases import all_comparisons, verify
from bench.crypto.comparison import Comparison
from bench.crypto.goals import exit_status
from bench.crypto.machine import describe_machine
from bench.crypto.report import Report
from bench.crypto.tail import measure_tails
from bench.crypto.timing import Effort

FULL, FULL_TAIL_BLOCKS = Effort(rounds=400, block_s=250e-6), 10
QUICK, QUICK_TAIL_BLOCKS = Effort(rounds=10, block_s=50e-6), 2
PLOTTED_BYTES = [64 * 2**step for step in range(15)]


def main(arguments: Sequence[str] | None = None) -> int:
    options = parse(arguments)
    effort, tail_blocks = (QUICK, QUICK_TAIL_BLOCKS) if options.quick else (FULL, FULL_TAIL_BLOCKS)
    machine = describe_machine()
    outcomes = [compared.run(effort) for compared in chosen_comparisons(plotted=options.plot is not None)]
    report = Report(machine, outcomes, measure_tails(tail_blocks))
    print(report.text())
    if options.json:
        options.json.write_text(json.dumps(report.as_json(), indent=2) + "\n")
    if options.plot:
        from bench.crypto.plot import draw

        draw(report.outcomes, f"{machine['cpu']}, {machine['python']}", options.plot)
    print()
    print(conclusion(report, options.quick))
    return exit_status(report.verdicts, decisive=not options.quick)


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./scripts/bench crypto", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a few rounds, too few to fail: only shows that it runs")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures there, too")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="measure more sizes and draw them as a PNG")
    return parser.parse_args(arguments)


def chosen_comparisons(plotted: bool) -> Iterator[Comparison]:
    """Each is made when its turn comes: some hold a timestamp."""
    measured = set()
    for compared in all_comparisons():
        measured.add(compared.message_bytes)
        yield compared
    if plotted:
        yield from (verify(size) for size in PLOTTED_BYTES if size not in measured)


def conclusion(report: Report, quick: bool) -> str:
    missed = [f"goal {verdict.goal} ({verdict.what})" for verdict in report.verdicts if not verdict.met]
    if not missed:
        return "Every goal is met."
    return f"Missed{', perhaps for want of rounds' if quick else ''}: {'; '.join(missed)}."


if __name__ == "__main__":
    sys.exit(main())
