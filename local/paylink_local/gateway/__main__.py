"""`python -m paylink_local.gateway`: serves the API on 127.0.0.1 until SIGTERM or SIGINT."""

import logging
import multiprocessing
import resource
import socket
import sys
from functools import partial

from granian import Granian
from granian.constants import HTTPModes, Interfaces, Loops
from granian.http import HTTP1Settings
from granian.log import LogLevels

from paylink_local.functions import apply_environment
from paylink_local.gateway.process import build_application
from paylink_local.gateway.routing import Router
from paylink_local.runtime_log import configure_logging, log_level
from paylink_local.settings import SettingsError, whole_number
from paylink_local.template import TemplateError, find_template, load_template

_ADDRESS = "127.0.0.1"
_DRAIN_S = 7
_CONNECTIONS_MAX = 4096
"""Connections of one process; more wait in the listening socket. Idle ones cost little, and do not live long."""

_OTHER_FILES = 512
_HEADERS_WAIT_MS = 5_000
_HEADERS_BYTES_MAX = 32 * 1024

# What Granian tells goes the way of everything else. At INFO it is about nothing but itself.
_LOGGING = {"version": 1, "disable_existing_loggers": False, "loggers": {"_granian": {}}}


def main() -> None:
    """Check what can be checked at once, then serve; exit with one line when that fails."""
    try:
        configure_logging()
        port = whole_number("PAYLINK_API_PORT", default=8080, low=1, high=65_535)
        processes = whole_number("PAYLINK_GATEWAY_PROCESSES", default=2, low=1, high=64)
        template = load_template(find_template())
        Router(template.routes())
        apply_environment(template)
        _check_port(port)
        _allow_open_files(_CONNECTIONS_MAX + _OTHER_FILES)
    except (TemplateError, SettingsError) as exc:
        sys.exit(f"paylink gateway: {exc}")
    # The same on Linux and macOS, and unlike a forked worker it runs what functions registered with atexit.
    multiprocessing.set_start_method("spawn")
    server = Granian(
        "paylink_local.gateway",
        address=_ADDRESS,
        port=port,
        interface=Interfaces.ASGINL,
        workers=processes,
        loop=Loops.uvloop,
        http=HTTPModes.http1,
        websockets=False,
        # Granian counts connections, not requests: those are limited where the functions are called.
        backpressure=_CONNECTIONS_MAX,
        # Also the time that a connection may stay idle between two requests.
        http1_settings=HTTP1Settings(header_read_timeout=_HEADERS_WAIT_MS, max_buffer_size=_HEADERS_BYTES_MAX),
        log_level=LogLevels.debug if log_level() <= logging.DEBUG else LogLevels.warning,
        log_dictconfig=_LOGGING,
        respawn_failed_workers=True,
        workers_kill_timeout=_DRAIN_S,
    )
    server.serve(target_loader=partial(build_application, port), wrap_loader=False)


def _allow_open_files(count: int) -> None:
    """Raise this process's limit of open files, and so its children's, as far as that is allowed and needed."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = count if hard == resource.RLIM_INFINITY else min(count, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _check_port(port: int) -> None:
    """Raise SettingsError when somebody listens already: Granian's sockets would share the port with them."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((_ADDRESS, port))
        except OSError as exc:
            raise SettingsError(f"port {port} (PAYLINK_API_PORT) cannot be used: {exc.strerror}") from exc


if __name__ == "__main__":
    main()
