"""`paylink status`: the services of the embedded stack."""

import argparse
import os

from paylink_local.supervisor.home import Home
from paylink_local.supervisor.status import ServiceStatus, read_status

HELP = "Show the services of the running stack; exit code 1 unless all are healthy."
_HEADER = ("SERVICE", "STATE", "PID", "RESTARTS", "ADDRESS")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    del parser  # it has none


def run(args: argparse.Namespace) -> int:
    del args
    status = read_status(Home.of(os.environ))
    if status is None:
        print("PayLink is not running.")
        return 1
    for row in (_HEADER, *map(_row, status.services)):
        print("{:<11} {:<11} {:>7} {:>8}  {}".format(*row).rstrip())
    return 0 if status.is_healthy else 1


def _row(service: ServiceStatus) -> tuple[str, ...]:
    pid = "" if service.pid is None else str(service.pid)
    return service.name, service.state.value, pid, str(service.restarts), service.address
