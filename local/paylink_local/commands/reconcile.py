"""`paylink reconcile`: compare what is stored with what the providers say, and tell what differs."""

import argparse
import csv
import sys
import time
from collections.abc import Iterable
from typing import Any
from uuid import UUID

from paylink.core.reconciliation import RunOrder
from paylink.runtime.run_request import SAMPLE_MAX, parse_run
from paylink.services.operator import COMMAND
from paylink.services.reconciliation import Reconciliation
from paylink.store.pages import Page
from paylink_local.operator_commands import operator_deps, print_json, read_id

HELP = "Compare with the providers; exit with 2 when something was not checked."

_WORK_S = 5.0
_WAIT_S = 1.0
_BAR = 30
_ROWS = 200
_COLUMNS = (
    "id",
    "kind",
    "state",
    "provider",
    "account",
    "subject",
    "difference",
    "currency",
    "ours",
    "theirs",
    "drift",
)
_PARTIAL = 2


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--merchant-id", metavar="ID", help="only of this merchant")
    parser.add_argument("--provider", metavar="PROVIDER", help="only at this provider")
    parser.add_argument("--account", metavar="NAME", help="only in this account of it")
    parser.add_argument("--created-from", metavar="TIME", help="all from this time on (UTC unless it says otherwise)")
    parser.add_argument("--created-to", metavar="TIME", help="and before this one")
    parser.add_argument("--sample", type=int, default=100, metavar="N", help=f"0 to {SAMPLE_MAX} of what is settled")
    parser.add_argument("--without-settlements", action="store_true", help="no settlement lines")
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--no-repair", action="store_true", help="leave each difference open for a person")
    how.add_argument("--dry-run", action="store_true", help="write nothing but the report")
    told = parser.add_mutually_exclusive_group()
    told.add_argument("--json", action="store_true", help="print the report as JSON")
    told.add_argument("--csv", action="store_true", help="print the discrepancies as CSV")


def run(args: argparse.Namespace) -> int:
    with operator_deps() as (deps, _):
        reconciliation = deps.reconciliation
        order = _order(args)
        run_id = reconciliation.start(order, wake=False)
        assert run_id is not None, "one by hand is a run even when there is nothing to ask"
        report = _work(reconciliation, run_id)
        found = list(_discrepancies(reconciliation, run_id))
        if args.json:
            print_json(report | {"discrepancies": found, "next_cursor": None})
        elif args.csv:
            writer = csv.DictWriter(sys.stdout, _COLUMNS, extrasaction="ignore", restval="")
            writer.writeheader()
            writer.writerows(found)
        else:
            sys.stdout.write("\n".join(summary(report, found)) + "\n")
    return 0 if report["state"] == "finished" else _PARTIAL


def _order(args: argparse.Namespace) -> RunOrder:
    given = {name: getattr(args, name) for name in ("provider", "account", "created_from", "created_to")}
    body = {name: value for name, value in given.items() if value is not None}
    repair = "dry" if args.dry_run else "none" if args.no_repair else "all"
    body |= {"sample": args.sample, "repair": repair, "settlements": not args.without_settlements}
    merchant_id = None if args.merchant_id is None else read_id(args.merchant_id)
    return parse_run(body, merchant_id, COMMAND.name)


def _work(reconciliation: Reconciliation, run_id: UUID) -> dict[str, Any]:
    """Work at a run, beside workers if there are some, until it has ended; show how far it is on a terminal."""
    began = time.monotonic()
    while True:
        worked = reconciliation.work(within_s=_WORK_S, run_id=run_id)
        report = reconciliation.show(run_id, None, Page({"run_id": run_id}, limit=1))
        if sys.stderr.isatty():
            sys.stderr.write(f"\r{progress(report, time.monotonic() - began)}")
        if report["state"] != "running":
            if sys.stderr.isatty():
                sys.stderr.write("\n")
            return report
        if not worked:
            # The rest waits for its turn at a provider, or others work at it.
            time.sleep(_WAIT_S)


def progress(report: dict[str, Any], seconds: float) -> str:
    """Return a line that tells how far a run is."""
    selected, done = report["selected"], report["checked"] + report["failed"]
    share = 1.0 if report["state"] != "running" else done / selected if selected else 0.0
    filled = int(share * _BAR)
    return f"[{'#' * filled}{'.' * (_BAR - filled)}] {done} of {selected} asked about, {seconds:.0f} s"


def _discrepancies(reconciliation: Reconciliation, run_id: UUID) -> Iterable[dict[str, Any]]:
    cursor = None
    while True:
        page = reconciliation.show(run_id, None, Page({"run_id": run_id}, cursor, _ROWS))
        yield from page["discrepancies"]
        if page["next_cursor"] is None:
            return
        cursor = UUID(page["next_cursor"])


def _not_checked(missed: dict[str, Any]) -> str:
    if missed["what"] == "run":
        return "all of it"
    what = "settlement lines" if missed["what"] == "settlement" else f"{missed['transactions']} transactions"
    return f"{what} of {missed['provider']}/{missed['account']}"


def summary(report: dict[str, Any], found: list[dict[str, Any]]) -> list[str]:
    """Return what a person wants to know of a run that has ended."""
    lines = [
        f"Run {report['id']}: {report['state']}",
        f"{report['checked']} of {report['selected']} transactions checked, {report['changed']} changed",
    ]
    for total in report["totals"]:
        lines.append(
            f"  {total['provider']:<10} {total['currency']}  ours {total['ours']:>15,}  theirs {total['theirs']:>15,}"
            f"  drift {total['drift']:+,}"
        )
    for missed in report["not_checked"]:
        lines.append(f"  not checked: {_not_checked(missed)}: {missed['error']}")
    open_ones = [one for one in found if one.get("state", "open") == "open"]
    repaired = len(found) - len(open_ones)
    lines.append(f"{len(found)} differences: {repaired} settled, {len(open_ones)} open")
    for one in open_ones[:_ROWS]:
        name = one.get("id", "-")
        lines.append(
            f"  {name}  {one['kind']}  {one['subject']}  {one['difference']}  {one['drift']:+,} {one['currency']}"
        )
    if len(open_ones) > _ROWS:
        lines.append(f"  and {len(open_ones) - _ROWS} more: paylink discrepancies list --run-id {report['id']}")
    return lines
