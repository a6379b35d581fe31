"""`paylink logs`: what the services of the running stack, or of the last one, have logged."""

import argparse
import contextlib
import os
import time

from paylink.runtime.log_lines import HUMAN, LOG_FORMATS
from paylink_local.log_files import Entry, LogFiles, Wanted, services_of
from paylink_local.log_reading import LEVELS
from paylink_local.supervisor.errors import CannotRun
from paylink_local.supervisor.home import Home

HELP = "Show what the services have logged, in the order of time."
_LAST = 100
_NAME_WIDTH = 10
_POLL_S = 0.2


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-f", "--follow", action="store_true", help="go on with what is logged from now on")
    parser.add_argument("--service", action="append", metavar="NAME", help="of this service; may be given again")
    parser.add_argument("--level", choices=LEVELS, type=str.upper, help="from this level on (INFO; of an id all)")
    ids = parser.add_mutually_exclusive_group()
    ids.add_argument("--request", metavar="ID", help="of this request; the end of the id is enough, as for the others")
    ids.add_argument("--transaction", metavar="ID", help="of this transaction")
    ids.add_argument("--event", metavar="ID", help="of this event, by its row's id")
    parser.add_argument("-n", "--lines", type=_count, metavar="N", help=f"the last so many ({_LAST}; of an id all)")
    parser.add_argument("--format", choices=LOG_FORMATS, default=HUMAN, help="json: as they stand in the files")


def run(args: argparse.Namespace) -> int:
    folder = Home.of(os.environ).logs
    names = services_of(folder)
    if not names:
        raise CannotRun(f"there are no logs in {folder}: start PayLink with ./scripts/up")
    if unknown := set(args.service or ()) - set(names):
        raise CannotRun(f"no service is called {min(unknown)}: there are {', '.join(names)}")
    wanted = _wanted(args)

    def tell(entry: Entry) -> None:
        text = entry.text(readable=args.format == HUMAN)
        if args.format == HUMAN:
            text = "\n".join(f"{entry.service:<{_NAME_WIDTH}} | {line}" for line in text.splitlines())
        print(text, flush=args.follow)

    files = LogFiles(folder, args.service or (), wanted)
    with contextlib.suppress(KeyboardInterrupt):
        entries = files.read()
        last = args.lines if args.lines is not None else (_LAST if wanted.id_name is None else len(entries))
        for entry in entries[max(0, len(entries) - last) :]:
            tell(entry)
        while args.follow:
            time.sleep(_POLL_S)
            for entry in files.read():
                tell(entry)
    return 0


def _wanted(args: argparse.Namespace) -> Wanted:
    ids = {"request_id": args.request, "transaction_id": args.transaction, "event_row_id": args.event}
    for name, value in ids.items():
        if value is not None:
            end = value.lstrip("\N{HORIZONTAL ELLIPSIS}")
            if not end:
                raise CannotRun("an id is needed, or the end of one")
            return Wanted(args.level or "DEBUG", name, end)
    return Wanted(args.level or "INFO")


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise argparse.ArgumentTypeError("a whole number is needed")
    return int(text)
