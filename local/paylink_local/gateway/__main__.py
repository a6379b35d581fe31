"""`python -m paylink_local.gateway`: serves the API until SIGTERM or SIGINT, on 127.0.0.1 by default."""

import resource
import socket
import sys

from paylink_local.figures import metrics_folder
from paylink_local.functions import apply_environment
from paylink_local.gateway.connections import CONNECTIONS_MAX
from paylink_local.gateway.process import serve
from paylink_local.gateway.routing import Router
from paylink_local.gateway.workers import Workers
from paylink_local.runtime_log import configure_logging
from paylink_local.settings import SettingsError, listen_address, whole_number
from paylink_local.template import TemplateError, find_template, load_template

_OTHER_FILES = 512


def main() -> None:
    """Check what can be checked at once, then serve; exit with one line when that fails."""
    try:
        configure_logging()
        address = listen_address()
        port = whole_number("PAYLINK_API_PORT", default=8080, low=1, high=65_535)
        processes = whole_number("PAYLINK_GATEWAY_PROCESSES", default=2, low=1, high=64)
        template = load_template(find_template())
        Router(template.routes())
        apply_environment(template)
        _check_port(address, port)
        _allow_open_files(CONNECTIONS_MAX + _OTHER_FILES)
    except (TemplateError, SettingsError) as exc:
        sys.exit(f"paylink gateway: {exc}")
    with metrics_folder():
        Workers(processes, address, port, serve).run()


def _allow_open_files(count: int) -> None:
    """Raise this process's limit of open files, and so its children's, as far as that is allowed and needed."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = count if hard == resource.RLIM_INFINITY else min(count, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _check_port(address: str, port: int) -> None:
    """Raise SettingsError when somebody listens already: our sockets could share the port with them."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError as exc:
            raise SettingsError(f"port {port} (PAYLINK_API_PORT) cannot be used: {exc.strerror}") from exc


if __name__ == "__main__":
    main()
