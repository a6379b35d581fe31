"""`python -m paylink_local.gateway`: serves the API on 127.0.0.1 until SIGTERM or SIGINT."""

import multiprocessing
import socket
import sys
from functools import partial

from granian import Granian
from granian.constants import HTTPModes, Interfaces, Loops

from paylink_local.functions import apply_environment
from paylink_local.gateway.process import build_application
from paylink_local.gateway.routing import Router
from paylink_local.runtime_log import JsonLines, configure_logging
from paylink_local.settings import SettingsError, whole_number
from paylink_local.template import TemplateError, find_template, load_template

_ADDRESS = "127.0.0.1"
_DRAIN_S = 7
_REQUESTS_MAX = 256
"""Requests that one process takes on at once; more wait in the listening socket."""

_LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"json": {"()": JsonLines}},
    "handlers": {"out": {"class": "logging.StreamHandler", "formatter": "json", "stream": "ext://sys.stdout"}},
    "loggers": {"_granian": {"handlers": ["out"], "level": "INFO", "propagate": False}},
}


def main() -> None:
    """Check what can be checked at once, then serve; exit with one line when that fails."""
    configure_logging()
    try:
        port = whole_number("PAYLINK_API_PORT", default=8080, low=1, high=65_535)
        processes = whole_number("PAYLINK_GATEWAY_PROCESSES", default=2, low=1, high=64)
        template = load_template(find_template())
        Router(template.routes())
        apply_environment(template)
        _check_port(port)
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
        backpressure=_REQUESTS_MAX,
        log_dictconfig=_LOGGING,
        respawn_failed_workers=True,
        workers_kill_timeout=_DRAIN_S,
    )
    server.serve(target_loader=partial(build_application, port), wrap_loader=False)


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
