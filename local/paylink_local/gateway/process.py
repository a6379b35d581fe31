"""One worker process of the gateway: how it starts, and that it does not outlive the main process."""

import logging
import multiprocessing
import os
import signal
import threading

from paylink_local.garbage import settle
from paylink_local.gateway.application import Application
from paylink_local.runtime_log import configure_logging
from paylink_local.template import find_template, load_template


def build_application(port: int) -> Application:
    """Set up a worker process and return what it serves."""
    configure_logging()
    _end_with_parent()
    application = Application(load_template(find_template()), port)
    settle()
    logging.getLogger("paylink_local.gateway").info("process ready")
    return application


def _end_with_parent() -> None:
    """Stop this worker when the main process dies without a word, so that it does not hold the port for ever."""
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def wait() -> None:
        parent.join()
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=wait, name="parent-watch", daemon=True).start()
