"""The command `paylink`. Each subcommand is a module of `paylink_local.commands`, imported when it is called."""

import argparse
import importlib
import os
import pkgutil
import select
import signal
import sys
from collections.abc import Callable, Sequence
from typing import Protocol, cast

from paylink_local import commands
from paylink_local.dotenv import load_dotenv
from paylink_local.supervisor.errors import CannotRun
from paylink_local.supervisor.home import REPOSITORY, Home

_ON_THEIR_OWN = ("up", "down", "status", "doctor", "demo", "prepare", "logs")
"""Commands that find the running stack, or do without it, by themselves."""


class Command(Protocol):
    """What a module of `paylink_local.commands` holds."""

    HELP: str
    add_arguments: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace], int]


def main(arguments: Sequence[str] | None = None) -> int:
    arguments = sys.argv[1:] if arguments is None else arguments
    try:
        load_dotenv(REPOSITORY / ".env", os.environ)
        parsed = _parser(arguments).parse_args(arguments)
        if parsed.command not in _ON_THEIR_OWN:
            _join_stack()
        code = _load(parsed.command).run(parsed)
        sys.stdout.flush()
        return code
    except CannotRun as error:
        sys.stderr.write(f"paylink: {error}\n")
        return 1
    except Exception as error:
        if isinstance(error, BrokenPipeError) and _reader_has_gone():
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # what is left to write has no reader either
            return 128 + signal.SIGPIPE
        # A fault of ours. What the supervisor starts by this command writes to a log.
        from paylink.core.redaction import describe_exception

        sys.stderr.write(describe_exception(error))
        return 1


def _reader_has_gone() -> bool:
    """Tell whether what we write to was closed by who read it, as `| head` does."""
    poll = select.poll()
    poll.register(1, 0)
    return bool(poll.poll(0))


def _parser(arguments: Sequence[str]) -> argparse.ArgumentParser:
    """Know only the subcommand that is called, so that no other one's imports are paid for; without one, know all."""
    parser = argparse.ArgumentParser(prog="paylink", description="Run PayLink on one machine.", allow_abbrev=False)
    subparsers = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    names = sorted(module.name.replace("_", "-") for module in pkgutil.iter_modules(commands.__path__))
    for name in [name for name in names if name in arguments[:1]] or names:
        command = _load(name)
        # No abbreviations: `down --wip` must not delete anything.
        subparser = subparsers.add_parser(name, help=command.HELP, description=command.HELP, allow_abbrev=False)
        command.add_arguments(subparser)
    return parser


def _load(name: str) -> Command:
    return cast(Command, importlib.import_module(f"{commands.__name__}.{name.replace('-', '_')}"))


def _join_stack() -> None:
    """
    Give a command that is run by hand the addresses of the running stack, unless it was given a database or a project.

    Raises:
        CannotRun: No stack runs.
    """
    if not os.environ.keys() & {"PAYLINK_DATABASE_URL", "PAYLINK_TEMPLATE"}:
        from paylink_local.services.running import running_environment

        environ = running_environment(Home.of(os.environ), os.environ)
        os.environ.clear()
        os.environ.update(environ)


if __name__ == "__main__":
    sys.exit(main())
