"""`paylink doctor`: what is wrong with this installation, and what mends it."""

import argparse
import logging
import os
import textwrap
from collections import Counter
from dataclasses import asdict

from paylink_local.doctor.examination import examine
from paylink_local.doctor.finding import Finding, Level
from paylink_local.doctor.installation import find_installation
from paylink_local.operator_commands import print_json

HELP = "Examine this installation: what is wrong with it, and what mends that; exit code 1 when something is wrong."
_WIDTH = 120


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="for programs")
    parser.add_argument(
        "--providers", action="store_true", help="also ask providers that are not on this machine, keyless"
    )


def run(args: argparse.Namespace) -> int:
    installation = find_installation(os.environ)
    logging.disable()  # what is away is told once, in its place
    os.environ.clear()
    os.environ.update(installation.environ)
    found = []
    for finding in examine(installation, ask_providers=args.providers):
        found.append(finding)
        if not args.json:
            _print(finding)
    counts = Counter(finding.level for finding in found)
    if args.json:
        told = {level.value: counts[level] for level in Level}
        print_json({**told, "findings": [asdict(finding) for finding in found]})
    else:
        print(f"\n{counts[Level.WRONG]} wrong, {counts[Level.WARNING]} to look at, {counts[Level.OK]} in order")
    return 1 if counts[Level.WRONG] else 0


def _print(finding: Finding) -> None:
    head = f"{finding.level.value:<8} {finding.check:<16} "
    rest = " " * len(head)
    print(textwrap.fill(head + finding.seen, _WIDTH, subsequent_indent=rest, break_long_words=False), flush=True)
    if finding.mend:
        mend = f"{rest}mend: {finding.mend}"
        print(textwrap.fill(mend, _WIDTH, subsequent_indent=rest, break_long_words=False, break_on_hyphens=False))
