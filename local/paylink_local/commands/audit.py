"""`paylink audit`: what operators changed, and who."""

import argparse
import json
from typing import Any

from paylink.services.audit import list_audit
from paylink_local.operator_commands import (
    add_page,
    operator_deps,
    print_json,
    print_page,
    read_page_options,
    short_time,
)

HELP = "List what operators changed: merchants, keys, accounts and credentials."

_HEADER = ("AT", "BY", "ACTION", "SUBJECT", "DETAILS")
_FILTERS = frozenset({"merchant_id", "subject_id"})


def add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    listing = actions.add_parser("list", help="the newest first", allow_abbrev=False)
    listing.add_argument("--merchant", dest="merchant_id", metavar="ID", help="what concerns this merchant")
    listing.add_argument("--subject", dest="subject_id", metavar="ID", help="of this merchant, key or account")
    add_page(listing)


def run(args: argparse.Namespace) -> int:
    with operator_deps() as (deps, _):
        show = print_json if args.json else _print
        show(list_audit(deps.database, read_page_options(args, _FILTERS)))
    return 0


def _print(page: dict[str, Any]) -> None:
    print_page([_HEADER, *map(_row, page["audit"])], page["next_cursor"])


def _row(one: dict[str, Any]) -> tuple[str, ...]:
    details = json.dumps(one["details"], ensure_ascii=False, sort_keys=True)
    return short_time(one["at"]), one["by"], one["action"], one["subject_id"] or "", details
