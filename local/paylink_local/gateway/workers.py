"""The worker processes of the gateway: as many as are wanted, until it is told to end."""

import logging
import multiprocessing
import signal
import socket
import time
from collections.abc import Callable
from multiprocessing.connection import wait
from multiprocessing.context import SpawnProcess

_BACKLOG = 1024
_WATCH_S = 0.2
_RESPAWN_PAUSE_S = 1
_KILL_AFTER_S = 8
"""A worker that is asked to end drains for less than this."""

_log = logging.getLogger("paylink_local.gateway")

Serve = Callable[[socket.socket], None]


class Workers:
    """
    Each has a listening socket of its own on one port, and the kernel shares the connections out. The sockets are made
    here: what waits in that of a worker that died is served by the next one.
    """

    def __init__(self, count: int, address: str, port: int, serve: Serve) -> None:
        # The same on Linux and macOS, and unlike a forked worker it runs what functions registered with atexit.
        self._context = multiprocessing.get_context("spawn")
        self._serve = serve
        self._sockets = [_listen(address, port) for _ in range(count)]
        self._processes: list[SpawnProcess] = []
        self._stopping = False

    def run(self) -> None:
        """Keep the workers alive until SIGTERM or SIGINT, then end them."""
        signal.signal(signal.SIGTERM, self._stop)
        signal.signal(signal.SIGINT, self._stop)
        self._processes = [self._start(sock) for sock in self._sockets]
        started_s = [time.monotonic()] * len(self._processes)
        while not self._stopping:
            wait([process.sentinel for process in self._processes], timeout=_WATCH_S)
            for number, process in enumerate(self._processes):
                if not self._stopping and not process.is_alive():
                    _log.error("worker %s ended with %s; there will be another", process.pid, process.exitcode)
                    time.sleep(max(0.0, started_s[number] + _RESPAWN_PAUSE_S - time.monotonic()))
                    started_s[number] = time.monotonic()
                    self._processes[number] = self._start(self._sockets[number])
        self._end()

    def _stop(self, *_: object) -> None:
        self._stopping = True

    def _start(self, sock: socket.socket) -> SpawnProcess:
        process = self._context.Process(target=self._serve, args=(sock,), daemon=False)
        process.start()
        return process

    def _end(self) -> None:
        for sock in self._sockets:
            sock.close()
        for process in self._processes:
            process.terminate()
        until_s = time.monotonic() + _KILL_AFTER_S
        for process in self._processes:
            process.join(max(0.0, until_s - time.monotonic()))
            if process.is_alive():
                _log.error("worker %s did not end in time", process.pid)
                process.kill()
                process.join()


def _listen(address: str, port: int) -> socket.socket:
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    sock.bind((address, port))
    sock.listen(_BACKLOG)
    return sock
