"""`paylink credentials`: which secrets verify webhooks, and the end of old ones."""

import argparse
from typing import Any

from paylink.services.credential_use import CannotRetire, CredentialUse
from paylink.services.operator import COMMAND
from paylink_local.operator_commands import operator_deps, print_json, print_table, read_id, short_time
from paylink_local.supervisor.errors import CannotRun

HELP = "List the secrets of provider accounts and their use, or retire an old one."

_HEADER = ("ID", "ACCOUNT", "FIELD", "CREATED", "RETIRED", "VERIFIED", "LAST USED")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    listing = actions.add_parser("list", help="every secret, never its value", allow_abbrev=False)
    listing.add_argument("--json", action="store_true", help="as the API answers")
    retire = actions.add_parser("retire", help="let a secret verify nothing any more", allow_abbrev=False)
    retire.add_argument("id", metavar="ID")
    retire.add_argument("--yes", action="store_true", help="do it: webhooks signed with it will be refused")


def run(args: argparse.Namespace) -> int:
    with operator_deps() as (_, parts):
        use = CredentialUse(parts)
        if args.action == "retire":
            return _retire(args, use)
        show = print_json if args.json else _print
        show(use.list_credentials())
        return 0


def _retire(args: argparse.Namespace, use: CredentialUse) -> int:
    if not args.yes:
        raise CannotRun("webhooks signed with this secret will be refused: say --yes to do it")
    try:
        retired = use.retire(read_id(args.id), COMMAND)
    except CannotRetire as exc:
        raise CannotRun(str(exc)) from exc
    if retired:
        print("It is retired, and verifies nothing from a minute on.")
        print("Take it out of the environment variable that it came from, or the next start stores it again.")
    else:
        print("It was retired before; nothing was done.")
    return 0


def _print(page: dict[str, Any]) -> None:
    print_table([_HEADER, *map(_row, page["credentials"])])
    for one in page["credentials"]:
        if one["can_be_retired"]:
            account = f"{one['provider']}/{one['account']}"
            print(f"{one['id']}: no webhook of {account} was signed with this {one['field']} for a day,", end=" ")
            print("while a newer one is in use; it can be retired")


def _row(one: dict[str, Any]) -> tuple[str, ...]:
    return (
        one["id"],
        f"{one['provider']}/{one['account']}",
        one["field"],
        short_time(one["created_at"]),
        short_time(one["retired_at"]),
        str(one["webhooks_verified"]),
        short_time(one["last_used_at"]),
    )
