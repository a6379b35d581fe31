"""`paylink events`: the webhooks that providers sent, and what became of them."""

import argparse
import sys

from paylink.runtime.event_request import EVENT_NAMES
from paylink.services.operations import Operations
from paylink.services.reverification import Outcome, Reverification
from paylink_local.operator_commands import (
    add_filter,
    add_list_and_show,
    bring_up_again,
    operator_deps,
    print_events,
    print_json,
    read_filter,
    read_id,
)
from paylink_local.verdicts import Verdicts

HELP = "List, show and replay the events of providers, or verify stored ones again."

_VERIFY_NAMES = frozenset({"provider", "account", "since", "until"})


def add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    add_list_and_show(actions, EVENT_NAMES)
    replay = actions.add_parser("replay", help="process events once more, whatever their end was", allow_abbrev=False)
    replay.add_argument("ids", metavar="ID", nargs="+")
    verify = actions.add_parser(
        "verify",
        help="check stored webhooks against their secrets; exit code 1 on a mismatch",
        allow_abbrev=False,
    )
    add_filter(verify, _VERIFY_NAMES)
    verify.add_argument("--limit", type=_count, metavar="N", help="at most so many events, the oldest")


def run(args: argparse.Namespace) -> int:
    with operator_deps() as (deps, parts):
        operations = Operations(parts)
        match args.action:
            case "list":
                show = print_json if args.json else print_events
                show(operations.list_events(read_filter(args, EVENT_NAMES)))
                return 0
            case "show":
                print_json(operations.show_event(read_id(args.id), with_body=args.body))
                return 0
            case "replay":
                return bring_up_again(operations, args.ids, dead=False)
            case _:
                return _verify(args, Reverification(parts, deps.sealer))


def _verify(args: argparse.Namespace, reverification: Reverification) -> int:
    verdicts = Verdicts()
    for checked in reverification.check(read_filter(args, _VERIFY_NAMES), limit=args.limit):
        verdicts.add(checked)
        if checked.outcome is Outcome.DOES_NOT_MATCH:
            account = f"{checked.provider}/{checked.account}"
            print(f"{checked.event_row_id}  {account}  {checked.event_id}  does not match: {checked.reason}")
            sys.stdout.flush()
    print("\n".join(verdicts.lines()))
    return 1 if verdicts.of(Outcome.DOES_NOT_MATCH) else 0


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= 10**12):
        raise argparse.ArgumentTypeError("a whole number above 0 is needed")
    return int(text)
