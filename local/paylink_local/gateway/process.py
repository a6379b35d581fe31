"""One worker process of the gateway: how it starts and serves, and that it does not outlive the main process."""

import logging
import multiprocessing
import os
import signal
import socket
import threading
import time

import uvicorn

from paylink_local.figures import keep_metrics
from paylink_local.garbage import settle
from paylink_local.gateway.application import Application
from paylink_local.gateway.connections import HEADERS_WAIT_S, connection_class
from paylink_local.runtime_log import configure_logging, log_level
from paylink_local.template import find_template, load_template

_DRAIN_S = 7
_DEAF_S = 0.5


def serve(sock: socket.socket) -> None:
    """Serve the connections of a listening socket until SIGTERM."""
    configure_logging()
    # Below ERROR it tells of every connection that sends nonsense, and of itself.
    if log_level() > logging.DEBUG:
        logging.getLogger("uvicorn.error").setLevel(logging.ERROR)
    _end_with_parent()
    keep_metrics("gateway")
    application = Application(load_template(find_template()), sock.getsockname()[1])
    server = uvicorn.Server(
        uvicorn.Config(
            application,
            interface="asgi3",
            loop="uvloop",
            http=connection_class(),
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            timeout_keep_alive=HEADERS_WAIT_S,
            timeout_graceful_shutdown=_DRAIN_S,
        )
    )
    # uvicorn raises again, at its end, the signal that ended it: what functions registered at exit is to run.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    settle()
    logging.getLogger("paylink_local.gateway").info("process ready")
    server.run([sock])


def _end_with_parent() -> None:
    """Stop this worker when the main process dies without a word, so that it does not hold the port for ever."""
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def wait() -> None:
        parent.join()
        while True:
            os.kill(os.getpid(), signal.SIGTERM)
            # While this process starts, it is deaf to the signal for a moment.
            time.sleep(_DEAF_S)

    threading.Thread(target=wait, name="parent-watch", daemon=True).start()
