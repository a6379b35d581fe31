"""`paylink up`: start the embedded stack and keep it running."""

import argparse
import os
import sys

from paylink_local.services.environment import embedded_environment
from paylink_local.services.stack import embedded_stack
from paylink_local.supervisor.detach import run_detached
from paylink_local.supervisor.home import Home
from paylink_local.supervisor.run import await_other, supervise
from paylink_local.welcome import text

HELP = "Start PayLink and all it needs, without Docker, and keep it running until Ctrl-C."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-d", "--detach", action="store_true", help="return when everything is healthy")
    parser.add_argument("--detached", action="store_true", help=argparse.SUPPRESS)


def run(args: argparse.Namespace) -> int:
    home = Home.of(os.environ)
    home.prepare()
    if args.detach:
        return run_detached(home, [sys.executable, "-P", "-m", "paylink_local.cli", "up", "--detached"])
    with home.held() as is_ours:
        if is_ours:
            environ = embedded_environment(home, os.environ)
            services = embedded_stack(home, environ, echo=not args.detached)
            return supervise(home, services, welcome=text(environ), detached=args.detached)
    pid = await_other(home)
    print(f"PayLink is already running (process {pid}).\n\n{text(embedded_environment(home, os.environ))}")
    return 0
