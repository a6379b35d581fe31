"""What the operator's commands share: the parts they work with, their options, and how they print."""

import argparse
import json
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from uuid import UUID

from paylink.core.errors import InvalidFields, PayLinkError
from paylink.runtime.event_request import parse_filter, parse_id, parse_page
from paylink.runtime.queues import SqsQueue
from paylink.runtime.settings import InvalidSettings, Settings, default_sql_dir
from paylink.runtime.wiring import Deps
from paylink.services.operations import Operations, Replayed
from paylink.services.operator import COMMAND
from paylink.services.ports import Parts
from paylink.store.operations import EventFilter
from paylink.store.pages import Page
from paylink_local.functions import apply_environment
from paylink_local.supervisor.errors import CannotRun
from paylink_local.template import TemplateError, find_template, load_template

_HELP = {
    "state": "in_flight, applied, ignored, parked or dead",
    "reason": "why it is in its state, such as no_transaction",
    "provider": "of this provider",
    "account": "of the account of this name",
    "event-id": "with this id of the provider's",
    "transaction-id": "that speak of this transaction",
    "since": "received at or after this time (UTC unless it says otherwise)",
    "until": "received before this time",
    "cursor": "the page after this one, as the page before told",
    "limit": "at most so many",
}


@contextmanager
def operator_deps() -> Iterator[tuple[Deps, Parts]]:
    """
    Put the parts together from the environment. A message is sent before `send` returns: the command ends soon after.

    Raises:
        CannotRun: A setting is wrong, or the work ended in an error that a client of the API would see.
    """
    # The template names the folder that the layer has on Lambda.
    os.environ.setdefault("PAYLINK_SQL_DIR", str(default_sql_dir()))
    try:
        apply_environment(load_template(find_template()))
        deps = Deps(Settings.from_environ(os.environ))
    except (InvalidSettings, TemplateError) as exc:
        raise CannotRun("; ".join(str(exc).splitlines())) from exc
    queue = SqsQueue(deps.settings.webhook_queue_url, deps.settings.dead_letter_queue_url)
    try:
        yield deps, replace(deps.parts, queue=queue)
    except PayLinkError as exc:
        raise CannotRun(explain(exc)) from exc
    finally:
        deps.database.close()


def explain(error: PayLinkError) -> str:
    fields = ", ".join(f"--{problem.field.replace('_', '-')}: {problem.message}" for problem in error.fields)
    return fields or error.detail or error.title


def add_filter(parser: argparse.ArgumentParser, names: frozenset[str]) -> None:
    """Declare an option for each name of a filter."""
    for option, text in _HELP.items():
        if option.replace("-", "_") in names:
            parser.add_argument(f"--{option}", metavar=option.rpartition("-")[2].upper(), help=text)


def add_list_and_show(actions: "argparse._SubParsersAction[argparse.ArgumentParser]", names: frozenset[str]) -> None:
    """Declare the actions `list`, with an option for each name of a filter, and `show`."""
    listing = actions.add_parser("list", help="the newest first", allow_abbrev=False)
    add_filter(listing, names)
    listing.add_argument("--json", action="store_true", help="as the API answers")
    show = actions.add_parser("show", help="one of them with what happened to it", allow_abbrev=False)
    show.add_argument("id", metavar="ID")
    show.add_argument("--body", action="store_true", help="with the webhook itself, which holds personal data")


def add_page(parser: argparse.ArgumentParser) -> None:
    """Declare the options that every list has."""
    parser.add_argument("--limit", metavar="N", help=_HELP["limit"])
    parser.add_argument("--cursor", metavar="CURSOR", help=_HELP["cursor"])
    parser.add_argument("--json", action="store_true", help="as the API answers")


def read_page_options(args: argparse.Namespace, names: frozenset[str]) -> Page:
    """
    Raises:
        InvalidFields: With one entry per wrong option.
    """
    given = {name: value for name in names | {"cursor", "limit"} if (value := getattr(args, name)) is not None}
    return parse_page(given, names)


def read_filter(args: argparse.Namespace, names: frozenset[str]) -> EventFilter:
    """
    Raises:
        InvalidFields: With one entry per wrong option.
    """
    given = {name: value for name in names if (value := getattr(args, name)) is not None}
    return parse_filter(given, names)


def read_id(text: str) -> UUID:
    """
    Raises:
        CannotRun: It is no UUID.
    """
    try:
        return parse_id(text)
    except InvalidFields as exc:
        raise CannotRun(f"{text}: {exc.fields[0].message}") from exc


def bring_up_again(operations: Operations, ids: Sequence[str], *, dead: bool) -> int:
    """Replay events one by one and tell of each; return 1 when one could not be, else 0."""
    failed = 0
    for event_row_id in [read_id(text) for text in ids]:
        try:
            replayed = operations.replay(event_row_id, replayed_by=COMMAND.name, dead=dead)
        except PayLinkError as exc:
            failed = 1
            print(f"{event_row_id}: {exc.title}: {exc.detail}", file=sys.stderr)
            continue
        print(f"{event_row_id}: {_replayed(replayed)}")
    return failed


def _replayed(replayed: Replayed) -> str:
    if not replayed.queued:
        return "is in flight already; nothing was done"
    reason = f" ({replayed.was_reason})" if replayed.was_reason else ""
    return f"was {replayed.was_state}{reason}; is in flight again and queued"


def print_json(value: object) -> None:
    print(json.dumps(value, indent=2, ensure_ascii=False))


def print_events(page: dict[str, Any]) -> None:
    """Print a page of events as a table, with what to add for the next one."""
    header = ("ID", "RECEIVED", "ACCOUNT", "TYPE", "STATE", "REASON")
    print_page([header, *(_event_line(event) for event in page["events"])], page["next_cursor"])


def _event_line(event: dict[str, Any]) -> tuple[str, ...]:
    account = f"{event['provider']}/{event['account']}"
    received = short_time(event["received_at"])
    return event["id"], received, account, event["type"] or "", event["state"], event["reason"] or ""


def print_page(rows: Sequence[Sequence[str]], next_cursor: str | None) -> None:
    """Print a table, the header first, and what to add for the next page."""
    print_table(rows)
    if next_cursor:
        print(f"Go on with: --cursor {next_cursor}")


def print_table(rows: Sequence[Sequence[str]]) -> None:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def short_time(iso: str | None) -> str:
    """Return a time to the second, in UTC."""
    return f"{iso[:19]}Z" if iso else ""
