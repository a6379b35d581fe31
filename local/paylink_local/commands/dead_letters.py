"""`paylink dead-letters`: the events that were given up. Postgres is asked; the dead-letter queue is for alarms."""

import argparse
import sys
from dataclasses import replace

from paylink.runtime.event_request import DEAD_LETTER_NAMES
from paylink.runtime.query import LIMIT_MAX
from paylink.services.operations import Operations
from paylink.services.operator import COMMAND
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
from paylink_local.supervisor.errors import CannotRun

HELP = "List, show and redrive the events that were given up."

_REDRIVE_NAMES = DEAD_LETTER_NAMES - {"cursor", "limit"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    add_list_and_show(actions, DEAD_LETTER_NAMES)
    redrive = actions.add_parser("redrive", help="give dead events another chance", allow_abbrev=False)
    redrive.add_argument("ids", metavar="ID", nargs="*")
    redrive.add_argument("--all", action="store_true", help="every one that the filters let through")
    add_filter(redrive, _REDRIVE_NAMES)


def run(args: argparse.Namespace) -> int:
    with operator_deps() as (_, parts):
        operations = Operations(parts)
        match args.action:
            case "list":
                wanted = replace(read_filter(args, DEAD_LETTER_NAMES), state="dead")
                show = print_json if args.json else print_events
                show(operations.list_events(wanted))
                return 0
            case "show":
                print_json(operations.show_event(read_id(args.id), with_body=args.body, dead=True))
                return 0
            case _:
                return _redrive(args, operations)


def _redrive(args: argparse.Namespace, operations: Operations) -> int:
    filtered = any(getattr(args, name) is not None for name in _REDRIVE_NAMES)
    if bool(args.ids) == args.all or (args.ids and filtered):
        raise CannotRun("name the events, or say --all with the filters that you want")
    if args.ids:
        return bring_up_again(operations, args.ids, dead=True)
    wanted = replace(read_filter(args, _REDRIVE_NAMES), limit=LIMIT_MAX)
    redriven = gone = 0
    while True:
        # The cursor moves on: what dies again meanwhile is not taken a second time.
        page = operations.redrive(wanted, replayed_by=COMMAND.name)
        redriven += len(page.redriven)
        gone += len(page.body_gone)
        if page.next_cursor is None:
            break
        wanted = replace(wanted, cursor=page.next_cursor)
    print(f"in flight again and queued: {redriven}")
    if gone:
        print(f"still dead, for the body is not stored any more: {gone}", file=sys.stderr)
    return 1 if gone else 0
