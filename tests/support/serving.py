"""A small HTTP server for the time of a block, or what is none."""

import contextlib
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class QuietHandler(BaseHTTPRequestHandler):
    """Handles requests without a line per request on standard error."""

    def log_message(self, format: str, *args: Any) -> None:
        pass


@contextlib.contextmanager
def serving(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    """Serve on a free port of the loopback interface; gives the address."""
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        server.block_on_close = False
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


@contextlib.contextmanager
def saying(*parts: bytes, every_s: float = 0.0, for_ever: bool = False, host: str = "127.0.0.1") -> Iterator[str]:
    """Run one that reads a request and then says these parts, once or until it is over; then it hangs up."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    over = threading.Event()

    def serve(server: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                with server.accept()[0] as one, contextlib.suppress(OSError):
                    one.recv(65_536)
                    while not over.is_set():
                        for part in parts:
                            one.sendall(part)
                            over.wait(every_s)
                        if not for_ever:
                            break

    with socket.create_server((host, 0), family=family) as server:
        thread = threading.Thread(target=serve, args=(server,), daemon=True)
        thread.start()
        try:
            port = server.getsockname()[1]
            yield f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
        finally:
            over.set()
            server.shutdown(socket.SHUT_RDWR)
            thread.join(5)
