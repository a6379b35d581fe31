"""`paylink discrepancies`: what reconciliation found, and what a person decides about it."""

import argparse
from typing import Any

from paylink.core.discrepancies import Kind
from paylink.runtime.discrepancy_request import FILTERS
from paylink.runtime.event_request import parse_page
from paylink.runtime.query import read_uuid
from paylink.services.operator import COMMAND
from paylink_local.operator_commands import add_page, operator_deps, print_json, print_page, read_id, short_time

HELP = "List, show and resolve differences between us and providers."

_HEADER = ("ID", "OPENED", "ACCOUNT", "KIND", "SUBJECT", "DIFFERENCE", "DRIFT", "STATE")
_READERS = {**FILTERS, "account_id": read_uuid, "run_id": read_uuid}
_FILTERS = frozenset({"merchant_id", *_READERS})


def add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    listing = actions.add_parser("list", help="the newest first", allow_abbrev=False)
    listing.add_argument("--state", metavar="STATE", help="open or resolved")
    listing.add_argument("--kind", metavar="KIND", help=", ".join(Kind))
    listing.add_argument("--provider", metavar="PROVIDER", help="at this provider")
    listing.add_argument("--currency", metavar="CURRENCY", help="in this currency, such as IDR")
    listing.add_argument("--since", metavar="TIME", help="opened, or opened again, at this time or later (UTC)")
    for name, text in (
        ("account-id", "of this account"),
        ("merchant-id", "of this merchant"),
        ("transaction-id", "about this transaction"),
        ("run-id", "found by this run first, or last"),
    ):
        listing.add_argument(f"--{name}", metavar="ID", help=text)
    add_page(listing)
    show = actions.add_parser("show", help="one of them, with both sides and its history", allow_abbrev=False)
    resolve = actions.add_parser("resolve", help="accept an open one: nothing is left to do", allow_abbrev=False)
    for action in (show, resolve):
        action.add_argument("id", metavar="ID")
    resolve.add_argument("--note", required=True, metavar="TEXT", help="why; it is kept with your decision")


def run(args: argparse.Namespace) -> int:
    with operator_deps() as (deps, _):
        discrepancies = deps.discrepancies
        match args.action:
            case "list":
                names = _FILTERS | {"cursor", "limit"}
                given = {name: value for name in names if (value := getattr(args, name)) is not None}
                show = print_json if args.json else _print
                show(discrepancies.list_discrepancies(parse_page(given, _FILTERS, _READERS)))
            case "show":
                print_json(discrepancies.show(read_id(args.id)))
            case _:
                print_json(discrepancies.accept(read_id(args.id), args.note, COMMAND.name))
    return 0


def _print(page: dict[str, Any]) -> None:
    print_page([_HEADER, *map(_row, page["discrepancies"])], page["next_cursor"])


def _row(one: dict[str, Any]) -> tuple[str, ...]:
    return (
        one["id"],
        short_time(one["opened_at"]),
        f"{one['provider']}/{one['account']}",
        one["kind"],
        one["subject"],
        one["difference"],
        f"{one['drift']:+d} {one['currency']}",
        one["resolution"] or one["state"],
    )
