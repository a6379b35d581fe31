"""`paylink settlements`: what providers settled, imported from the files that their dashboards export."""

import argparse
from datetime import datetime
from pathlib import Path
from typing import Any

from paylink.providers.settlements import LineKind, UnreadableFile
from paylink.runtime.event_request import one_of, parse_page
from paylink.runtime.query import read_moment
from paylink.runtime.wiring import Deps
from paylink.services.operator import COMMAND
from paylink.services.settlement_lists import SettlementLists
from paylink.services.settlements import Covers
from paylink.store.pages import Page
from paylink_local.operator_commands import add_page, operator_deps, print_json, print_page, short_time
from paylink_local.supervisor.errors import CannotRun

HELP = "Import settlement files, and list what providers settled."

_LINES = ("OCCURRED", "KIND", "LINE", "AMOUNT", "FEE", "NET", "SETTLED", "TRANSACTION")
_IMPORTS = ("IMPORTED", "FILE", "READ", "NEW", "CHANGED", "UNCHANGED", "BY")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    bring = actions.add_parser("import", help="store all lines of a file, or none", allow_abbrev=False)
    bring.add_argument("file", metavar="FILE", help="as the provider's dashboard exports it")
    bring.add_argument("--since", type=_moment, metavar="TIME", help="the file has all lines from then on (UTC)")
    bring.add_argument("--until", type=_moment, metavar="TIME", help="the file has all lines before then (UTC)")
    bring.add_argument(
        "--part", action="store_true", help="something was left out of it, so it proves nothing to be missing"
    )
    listing = actions.add_parser("list", help="lines, or imports, the newest first", allow_abbrev=False)
    listing.add_argument("--imports", action="store_true", help="list the files that were imported")
    listing.add_argument("--kind", choices=[kind.value for kind in LineKind], help="lines of this kind")
    listing.add_argument("--transaction-id", metavar="ID", help="lines of this transaction")
    listing.add_argument("--unmatched", action="store_true", help="lines that belong to nothing known here")
    add_page(listing)
    for action in (bring, listing):
        action.add_argument("--account", required=True, metavar="PROVIDER/NAME", help="the account at the provider")


def run(args: argparse.Namespace) -> int:
    with operator_deps() as (deps, _):
        lists = SettlementLists(deps.database)
        provider, _slash, name = args.account.partition("/")
        account_id = lists.find_account(provider, name)
        if args.action == "import":
            return _import(args, deps, account_id)
        asked = ("cursor", "limit") if args.imports else ("kind", "transaction_id", "cursor", "limit")
        given = {name: value for name in asked if (value := getattr(args, name)) is not None}
        page = parse_page(given, frozenset(asked), {"kind": one_of(tuple(LineKind))})
        narrowed = dict(page.filters) | {"account_id": account_id, "unmatched": args.unmatched or None}
        page = Page(narrowed, page.cursor, page.limit)
        shown = lists.imports(page) if args.imports else lists.lines(page)
        print_json(shown) if args.json else _print(shown)
    return 0


def _import(args: argparse.Namespace, deps: Deps, account_id: Any) -> int:
    covers = Covers(args.since, args.until, whole=not args.part)
    path = Path(args.file)
    try:
        with path.open("rb") as file:
            brought = deps.settlements.import_file(
                deps.accounts.get(account_id), file, path.name, COMMAND.name, covers=covers
            )
    except (OSError, UnreadableFile) as exc:
        raise CannotRun(f"{args.file}: {exc}; nothing was imported") from exc
    print(f"{brought.read} lines: {brought.added} new, {brought.changed} changed, {brought.unchanged} known already")
    return 0


def _moment(text: str) -> datetime:
    try:
        moment: datetime = read_moment(text)
    except ValueError as exc:
        raise argparse.ArgumentTypeError(str(exc)) from exc
    return moment


def _print(page: dict[str, Any]) -> None:
    if "imports" in page:
        print_page([_IMPORTS, *map(_import_row, page["imports"])], page["next_cursor"])
    else:
        print_page([_LINES, *map(_line_row, page["lines"])], page["next_cursor"])


def _import_row(one: dict[str, Any]) -> tuple[str, ...]:
    counts = (str(one[name]) for name in ("read", "added", "changed", "unchanged"))
    return short_time(one["imported_at"]), one["file_name"], *counts, one["imported_by"]


def _line_row(one: dict[str, Any]) -> tuple[str, ...]:
    return (
        short_time(one["occurred_at"]),
        one["kind"],
        one["line_id"],
        f"{one['amount']} {one['currency']}",
        str(one["fee"]),
        str(one["net"]),
        "yes" if one["settled"] else "",
        one["transaction_id"] or "",
    )
