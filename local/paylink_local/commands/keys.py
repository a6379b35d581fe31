"""`paylink keys`: API keys of merchants and operators. A new key is told once, alone on standard output."""

import argparse
import sys
from datetime import UTC, datetime, timedelta
from typing import Any

from paylink.core.api_key import MERCHANT_SCOPES, OPERATOR_SCOPES
from paylink.core.errors import LastOperatorKey
from paylink.runtime.operator_request import RotationRequest, parse_key
from paylink.runtime.strict_body import validate
from paylink.services.keys import OVERLAP_HOURS, IssuedKey
from paylink.services.operator import COMMAND
from paylink_local.operator_commands import (
    add_page,
    operator_deps,
    print_json,
    print_page,
    read_id,
    read_page_options,
    short_time,
)
from paylink_local.supervisor.errors import CannotRun

HELP = "List, make, rotate and revoke API keys."

_HEADER = ("ID", "PREFIX", "NAME", "WHOSE", "STATE", "EXPIRES", "LAST USED", "PEPPER", "SCOPES")
_FILTERS = frozenset({"merchant_id", "operator", "pepper"})
_ALL = "all"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    listing = actions.add_parser("list", help="the newest first, never a key itself", allow_abbrev=False)
    _add_whose(listing, required=False)
    listing.add_argument("--pepper", metavar="ID", help="hashed under this pepper")
    add_page(listing)
    actions.add_parser("show", help="one of them", allow_abbrev=False).add_argument("id", metavar="ID")
    create = actions.add_parser("create", help="prints the new key, this once", allow_abbrev=False)
    _add_whose(create, required=True)
    create.add_argument("--name", required=True, help="what it is for")
    scopes = f"{_ALL}, or of a merchant: {', '.join(MERCHANT_SCOPES)}; of an operator: {', '.join(OPERATOR_SCOPES)}"
    create.add_argument("--scopes", required=True, metavar="SCOPE,...", help=scopes)
    create.add_argument("--expires-in-days", type=int, metavar="N", help="by default it does not expire")
    rotate = actions.add_parser("rotate", help="prints its successor, this once", allow_abbrev=False)
    rotate.add_argument("id", metavar="ID")
    hours = f"how long the old one lives beside it (default {OVERLAP_HOURS})"
    rotate.add_argument("--overlap-hours", type=int, default=OVERLAP_HOURS, metavar="N", help=hours)
    revoke = actions.add_parser("revoke", help="end a key", allow_abbrev=False)
    revoke.add_argument("id", metavar="ID")
    revoke.add_argument("--even-last", action="store_true", help="also the last one that can make operator keys")


def run(args: argparse.Namespace) -> int:
    with operator_deps() as (deps, _):
        keys = deps.keys
        match args.action:
            case "list":
                args.operator = "true" if args.operator else None
                show = print_json if args.json else _print
                show(keys.list_keys(read_page_options(args, _FILTERS)))
            case "show":
                print_json(keys.show(read_id(args.id)))
            case "create":
                _tell(keys.create(parse_key(_wanted(args)), COMMAND))
            case "rotate":
                wanted = validate(RotationRequest, {"overlap_hours": args.overlap_hours})
                _tell(keys.rotate(read_id(args.id), COMMAND, overlap_hours=wanted.overlap_hours))
            case _:
                try:
                    print_json(keys.revoke(read_id(args.id), COMMAND, even_last=args.even_last))
                except LastOperatorKey as exc:
                    raise CannotRun(f"{exc.title}: {exc.detail}, or say --even-last") from exc
    return 0


def _add_whose(parser: argparse.ArgumentParser, *, required: bool) -> None:
    whose = parser.add_mutually_exclusive_group(required=required)
    whose.add_argument("--merchant", dest="merchant_id", metavar="ID", help="of this merchant")
    whose.add_argument("--operator", action="store_true", help="of operators")


def _wanted(args: argparse.Namespace) -> dict[str, Any]:
    every = OPERATOR_SCOPES if args.operator else MERCHANT_SCOPES
    scopes = list(every) if args.scopes == _ALL else [scope.strip() for scope in args.scopes.split(",")]
    wanted = {"name": args.name, "scopes": scopes, "operator": args.operator, "merchant_id": args.merchant_id}
    if args.expires_in_days is not None:
        try:
            wanted["expires_at"] = (datetime.now(UTC) + timedelta(days=args.expires_in_days)).isoformat()
        except OverflowError as exc:
            raise CannotRun("--expires-in-days: too many") from exc
    return {name: value for name, value in wanted.items() if value is not None}


def _tell(issued: IssuedKey) -> None:
    """The key alone goes to standard output, so that it can be piped to where it is kept."""
    assert issued.secret is not None, "a command has no earlier request"
    key = issued.created.body
    print(f"{key['prefix']} ({key['name']}), id {key['id']}; it is shown this once:", file=sys.stderr)
    print(issued.secret.reveal())
    if "predecessor" in key:
        old = key["predecessor"]
        print(f"{old['prefix']} lives until {short_time(old['expires_at'])}", file=sys.stderr)


def _print(page: dict[str, Any]) -> None:
    print_page([_HEADER, *map(_row, page["keys"])], page["next_cursor"])
    for one in page["keys"]:
        if one["state"] == "live" and not one["has_active_pepper"]:
            print(f"{one['prefix']} hangs on the pepper {one['pepper']} until it is used again, or has ended")


def _row(one: dict[str, Any]) -> tuple[str, ...]:
    return (
        one["id"],
        one["prefix"],
        one["name"],
        one["merchant_id"] or "operators",
        one["state"],
        short_time(one["expires_at"]),
        short_time(one["last_used_at"]),
        one["pepper"],
        ",".join(one["scopes"]),
    )
