"""What the commands `./scripts/bench NAME` have in common: options, the order of a run, exit status."""

import argparse
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Protocol, TypeVar

from bench.common.goals import Row
from bench.common.machine import describe
from bench.common.paylink_side import PayLink
from bench.common.report import Report
from bench.common.rules import VOID, Void

NO_LIMITS = {"PAYLINK_RATE_LIMIT_PER_S": "100000", "PAYLINK_RATE_LIMIT_BURST": "100000"}
"""Settings for a stack that many requests of one merchant come to."""


class Lab(Protocol):
    @property
    def paylink(self) -> PayLink: ...

    def say(self, line: str) -> None: ...


L = TypeVar("L", bound=Lab)
R = TypeVar("R", bound=Report)


def parser(name: str, purpose: str | None, rows: Sequence[str]) -> argparse.ArgumentParser:
    """Return the parser of the options that every benchmark has."""

    def chosen(text: str) -> list[str]:
        names = text.split(",")
        if unknown := [name for name in names if name not in rows]:
            raise argparse.ArgumentTypeError(f"no such row: {', '.join(unknown)}; there are {', '.join(rows)}")
        return [name for name in rows if name in names]

    options = argparse.ArgumentParser(prog=f"./scripts/bench {name}", description=purpose)
    options.add_argument("--quick", action="store_true", help="every row once, too short to fail: shows that it runs")
    options.add_argument("--rows", type=chosen, default=list(rows), metavar="A,B", help=f"of {','.join(rows)}")
    options.add_argument("--json", type=Path, metavar="FILE", help="write all figures there, too")
    options.add_argument("--write-docs", action="store_true", help="write the section of docs/performance.md anew")
    return options


def run(
    options: argparse.Namespace,
    rows: Mapping[str, Callable[[L], Row]],
    lab: L,
    report_of: Callable[[dict[str, str], list[Row]], R],
    write: Callable[[R], None],
) -> int:
    """
    Measure the chosen rows, tell what was found, and return the exit status: 1 when a goal is missed, VOID when the run
    does not count.

    write: makes the section of docs/performance.md.
    """
    try:
        machine = describe(lab.paylink)
        found = []
        for name in options.rows:
            lab.say(name)
            found.append(rows[name](lab))
    except Void as exc:
        lab.say(f"void: {exc}")
        return VOID
    report = report_of(machine, found)
    text = json.dumps(report.as_json(), indent=2)
    print(text)
    lab.say(report.text())
    if options.json:
        options.json.write_text(text + "\n")
    if options.write_docs:
        write(report)
    return int(not options.quick and not all(row.passed for row in found))
