"""Serves the sandbox with Granian: one worker process with threads."""

import logging
import os
import signal
import socket
import sys
import threading
import time
import traceback
from collections.abc import Callable
from multiprocessing.util import Finalize
from typing import Any

from granian import Granian
from granian.constants import Interfaces

from paylink_sandbox.app import Background, create_app
from paylink_sandbox.config import Config
from paylink_sandbox.errors import ConfigError

_THREADS = 32
"""Many, because a call that simulates a time-out holds one."""
_STOP_WITHIN_S = 8

log = logging.getLogger(__name__)


def main() -> int:
    """Run until SIGTERM or SIGINT. Returns the exit code; a start that fails prints one line."""
    try:
        config = Config.from_environment(os.environ)
        _configure_logging(config)
        _check(config)
    except ConfigError as exc:
        sys.stderr.write(f"sandbox: {exc}\n")
        return 1
    server = Granian(
        "paylink_sandbox",
        address=config.listen,
        port=config.port,
        interface=Interfaces.WSGI,
        workers=1,
        blocking_threads=_THREADS,
        websockets=False,
        workers_kill_timeout=_STOP_WITHIN_S,
        log_enabled=False,
    )
    log.info("sandbox at %s for %s", config.url, ", ".join(config.providers))
    server.serve(target_loader=load, wrap_loader=False)
    return 0


def load() -> Callable[..., Any]:
    """Build the app in the worker process, and start its threads."""
    config = Config.from_environment(os.environ)
    _configure_logging(config)
    app = create_app(config)
    background: Background = app.extensions["sandbox"]
    background.start()
    # A worker ends without atexit hooks; this is the hook that multiprocessing does run.
    Finalize(None, background.stop, exitpriority=1)
    threading.Thread(target=_end_with_parent, args=(os.getppid(),), name="parent-watch", daemon=True).start()
    return app


def _check(config: Config) -> None:
    """Find in the first process what would otherwise be a traceback in the worker. Raises ConfigError."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((config.listen, config.port))
        except OSError as exc:
            where = f"{config.listen}:{config.port}"
            raise ConfigError(f"cannot listen on {where}: {exc.strerror} (PAYLINK_SANDBOX_PORT)") from exc
    background: Background = create_app(config).extensions["sandbox"]
    background.store.close()


def _end_with_parent(parent: int) -> None:
    """A worker whose first process was killed must not go on holding the port."""
    while os.getppid() == parent:
        time.sleep(0.5)
    os.kill(os.getpid(), signal.SIGTERM)


class Lines(logging.Formatter):
    """Lines of the log; an exception is told by its class and where it was raised, for its message repeats requests."""

    def formatException(self, ei: Any) -> str:
        kind, _, trace = ei
        return "".join(traceback.format_tb(trace)) + (kind.__qualname__ if kind else "")


def _configure_logging(config: Config) -> None:
    handler = logging.StreamHandler()
    handler.setFormatter(Lines("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.raiseExceptions = False
    logging.basicConfig(
        level=logging.getLevelNamesMapping().get(config.log_level, logging.INFO),
        handlers=[handler],
    )
