"""`paylink up`: start the embedded stack and keep it running."""

import argparse
import os
import sys

from paylink_local.instance import load_environment
from paylink_local.services.check import NOT_FOR_PRODUCTION, check_settings, ports_of
from paylink_local.services.environment import embedded_environment
from paylink_local.services.http import check_ports_are_free
from paylink_local.services.names import remarks
from paylink_local.services.running import changed_settings, running_environment, settings_to_keep
from paylink_local.services.stack import embedded_stack
from paylink_local.supervisor.detach import run_detached
from paylink_local.supervisor.errors import CannotRun
from paylink_local.supervisor.home import Home
from paylink_local.supervisor.run import await_other, supervise
from paylink_local.welcome import text

HELP = "Start PayLink and all it needs, without Docker, and keep it running until Ctrl-C."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-d", "--detach", action="store_true", help="return when everything is healthy")
    parser.add_argument("--detached", action="store_true", help=argparse.SUPPRESS)


def run(args: argparse.Namespace) -> int:
    os.umask(0o077)  # databases, logs and sockets are nobody else's, whoever makes them
    home = Home.of(os.environ)
    home.prepare()
    if args.detach:
        return run_detached(home, [sys.executable, "-P", "-m", "paylink_local.cli", "up", "--detached"])
    with home.held() as is_ours:
        if is_ours:
            return _run_stack(home, detached=args.detached)
    return _show_running(home)


def _run_stack(home: Home, *, detached: bool) -> int:
    if os.environ.get("PAYLINK_ENVIRONMENT") == "production":
        raise CannotRun(NOT_FOR_PRODUCTION)
    check_settings(load_environment(home.path, os.environ), os.environ)
    for line in remarks(os.environ):
        print(f"paylink: {line}", flush=True)
    environ = embedded_environment(home, os.environ)
    if detached:
        closing = f"PayLink goes on; ./scripts/down stops it. Everything it logs is in {home.logs}"
    else:
        closing = f"Ctrl-C stops PayLink. Log lines of warnings and errors follow; everything is in {home.logs}"
    return supervise(
        home,
        embedded_stack(home, environ, echo=not detached),
        welcome=text(environ, closing),
        detached=detached,
        settings=settings_to_keep(environ),
        check=lambda: check_ports_are_free(ports_of(environ)),
    )


def _show_running(home: Home) -> int:
    pid = await_other(home)
    closing = f"PayLink was already running (process {pid}); stop it with ./scripts/down"
    print(f"PayLink is already running (process {pid}).\n\n{text(running_environment(home, os.environ), closing)}")
    if changed := changed_settings(home, os.environ):
        print(f"Settings changed since the start ({', '.join(changed)}): ./scripts/down, then ./scripts/up")
    return 0
