"""Break one part of PayLink after the other under load, and check that nothing is lost or applied twice."""

import argparse
import signal
import sys
from collections.abc import Sequence

from chaos import report
from chaos.matrix import matrix
from chaos.payments import NotDone
from chaos.stack import StackFailed
from chaos.trial import Effort, Fault, Outcome, run
from paylink_local.supervisor.home import REPOSITORY

FULL = Effort(webhooks_per_s=100, purchases_per_s=1, before_s=4, after_s=8, outage_s=30)
QUICK = Effort(webhooks_per_s=40, purchases_per_s=1, before_s=2, after_s=4, outage_s=6)
DOCUMENT = REPOSITORY / "docs" / "reliability.md"


def main(arguments: Sequence[str] | None = None) -> int:
    options = parse(arguments)
    effort = QUICK if options.quick else FULL
    faults = matrix(effort.outage_s)
    if options.list:
        for fault in faults:
            print(f"{fault.name:<22}{fault.what}")
        return 0
    # Asked to end, it stops its stack and takes its disk down, as it does at Ctrl-C.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    left_out: dict[str, str] = {}
    outcomes: list[Outcome] = []
    failed: list[str] = []
    print(report.header(), flush=True)
    for fault in chosen(faults, options.only):
        if reason := fault.cannot():
            left_out[fault.name] = reason
            print(f"{fault.name:<22}left out: {reason}", flush=True)
            continue
        try:
            outcome = run(fault, effort)
        except (StackFailed, NotDone) as exc:
            failed.append(fault.name)
            print(f"{fault.name:<22}FAILED: {exc}", flush=True)
            continue
        outcomes.append(outcome)
        print(report.line(outcome), flush=True)
        for text in report.notes(outcome):
            print(f"  {text}", flush=True)
        for text in outcome.broken:
            print(f"  BROKEN: {text}", flush=True)
    failed += [outcome.fault for outcome in outcomes if outcome.broken]
    if options.write_docs and not failed:
        words = " ".join(["./scripts/chaos", *(["--quick"] if options.quick else []), "--write-docs"])
        report.write(DOCUMENT, report.markdown(faults, outcomes, left_out, effort, words))
    print()
    print(f"Broken: {', '.join(failed)}." if failed else "Nothing lost, nothing doubled, everything back in time.")
    return 1 if failed else 0


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    names = [fault.name for fault in matrix(FULL.outage_s)]
    parser = argparse.ArgumentParser(prog="./scripts/chaos", description=__doc__)
    parser.add_argument("--list", action="store_true", help="name the faults")
    parser.add_argument("--only", action="append", choices=names, metavar="NAME", help="try this one; may be repeated")
    parser.add_argument("--quick", action="store_true", help="short outages and less load")
    parser.add_argument("--write-docs", action="store_true", help="write docs/reliability.md, if nothing is broken")
    options = parser.parse_args(arguments)
    if options.write_docs and options.only:
        parser.error("--write-docs is about all faults, and --only about some")
    return options


def chosen(faults: Sequence[Fault], names: Sequence[str] | None) -> list[Fault]:
    return [fault for fault in faults if names is None or fault.name in names]


if __name__ == "__main__":
    sys.exit(main())
