"""`paylink merchants`: who takes money through this PayLink."""

import argparse
from typing import Any

from paylink.runtime.operator_request import MerchantRequest
from paylink.runtime.strict_body import validate
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

HELP = "List, make, rename, suspend and resume merchants."

_HEADER = ("ID", "NAME", "STATE", "CREATED")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    add_page(actions.add_parser("list", help="the newest first", allow_abbrev=False))
    create = actions.add_parser("create", help="prints the id of the new one", allow_abbrev=False)
    create.add_argument("name", metavar="NAME")
    for action, text in (
        ("show", "one of them"),
        ("suspend", "refuse its keys from now on; webhooks are still taken, for money may arrive"),
        ("resume", "let its keys in again"),
    ):
        actions.add_parser(action, help=text, allow_abbrev=False).add_argument("id", metavar="ID")
    rename = actions.add_parser("rename", help="give it another name", allow_abbrev=False)
    rename.add_argument("id", metavar="ID")
    rename.add_argument("name", metavar="NAME")


def run(args: argparse.Namespace) -> int:
    with operator_deps() as (deps, _):
        merchants = deps.merchants
        match args.action:
            case "list":
                show = print_json if args.json else _print
                show(merchants.list_merchants(read_page_options(args, frozenset())))
            case "create":
                print(merchants.create(_name(args), COMMAND).body["id"])
            case "show":
                print_json(merchants.show(read_id(args.id)))
            case "rename":
                print_json(merchants.change(read_id(args.id), COMMAND, name=_name(args)))
            case action:
                print_json(merchants.change(read_id(args.id), COMMAND, suspended=action == "suspend"))
    return 0


def _name(args: argparse.Namespace) -> str:
    return validate(MerchantRequest, {"name": args.name}).name


def _print(page: dict[str, Any]) -> None:
    rows = [(one["id"], one["name"], one["state"], short_time(one["created_at"])) for one in page["merchants"]]
    print_page([_HEADER, *rows], page["next_cursor"])
