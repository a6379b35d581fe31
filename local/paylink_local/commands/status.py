"""`paylink status`: the services of the embedded stack, and how payments stand."""

import argparse
import logging
import os
import sys
import time
from typing import Any

from paylink_local.doctor.installation import Installation, find_installation
from paylink_local.glance import read_glance, render
from paylink_local.operator_commands import print_json
from paylink_local.supervisor.status import ServiceStatus

HELP = "Show the services, and how payments stand, at a glance; exit code 1 unless all services are healthy."
_HEADER = ("SERVICE", "STATE", "PID", "RESTARTS", "ADDRESS")
_WATCH_S = 2
_CLEAR = "\x1b[H\x1b[2J"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="for programs")
    parser.add_argument("--watch", action="store_true", help=f"again every {_WATCH_S} seconds, until Ctrl-C")


def run(args: argparse.Namespace) -> int:
    given = dict(os.environ)
    logging.disable()  # what is away is told once, in its place
    code = _show(find_installation(given), as_json=args.json)
    try:
        while args.watch:
            time.sleep(_WATCH_S)
            if sys.stdout.isatty():
                print(_CLEAR, end="")
            code = _show(find_installation(given), as_json=args.json)
    except KeyboardInterrupt:
        print()
    return code


def _show(installation: Installation, *, as_json: bool) -> int:
    told: dict[str, Any] = {}
    if installation.is_reachable:
        os.environ.clear()
        os.environ.update(installation.environ)
        told = read_glance(installation.environ)
    elif installation.problem and (installation.home is None or installation.status is not None):
        told = {"problem": installation.problem}
    if as_json:
        services = None if installation.status is None else [_facts(one) for one in installation.status.services]
        print_json({"running": installation.status is not None, "services": services, **told})
    else:
        _print(installation, told)
    if installation.home is None:
        return 1 if "problem" in told else 0
    return 0 if installation.status is not None and installation.status.is_healthy else 1


def _print(installation: Installation, told: dict[str, Any]) -> None:
    if installation.home is not None and installation.status is None:
        print("PayLink is not running.")
    if installation.status is not None:
        for row in (_HEADER, *map(_row, installation.status.services)):
            print("{:<11} {:<11} {:>7} {:>8}  {}".format(*row).rstrip())
        print()
    if told:
        print(render(told), flush=True)


def _row(service: ServiceStatus) -> tuple[str, ...]:
    pid = "" if service.pid is None else str(service.pid)
    return service.name, service.state.value, pid, str(service.restarts), service.address


def _facts(service: ServiceStatus) -> dict[str, Any]:
    return {
        "name": service.name,
        "state": service.state.value,
        "pid": service.pid,
        "restarts": service.restarts,
        "address": service.address,
    }
