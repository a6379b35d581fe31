"""The worker's own metrics page, for where it and the gateway do not share a folder."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from paylink_local.settings import SettingsError, listen_address, whole_number

_READ_WITHIN_S = 5.0


@dataclass(frozen=True)
class MetricsPort:
    """
    Where the page is served: to whoever can reach it, without a key, for it has figures of this process alone and none
    of money.
    """

    host: str
    port: int

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> "MetricsPort | None":
        """
        Return the port of PAYLINK_WORKER_METRICS_PORT on PAYLINK_LISTEN_ADDRESS; None when there is to be no page.

        Raises:
            SettingsError: The port or the address is none.
        """
        port = whole_number("PAYLINK_WORKER_METRICS_PORT", default=0, low=0, high=65_535, environ=environ)
        return cls(listen_address(environ), port) if port else None

    @contextmanager
    def serving(self, folder: Path) -> Iterator[None]:
        """
        Serve what is kept in a folder for the time of the block.

        Raises:
            SettingsError: The address cannot be used.
        """
        try:
            server = ThreadingHTTPServer((self.host, self.port), _page_of(folder))
        except OSError as exc:
            raise SettingsError(
                f"{self.host}:{self.port} (PAYLINK_WORKER_METRICS_PORT) cannot be used: {exc.strerror}"
            ) from exc
        server.daemon_threads = True
        server.block_on_close = False
        threading.Thread(target=server.serve_forever, name="metrics", daemon=True).start()
        try:
            yield
        finally:
            server.shutdown()
            server.server_close()


def _page_of(folder: Path) -> type[BaseHTTPRequestHandler]:
    from paylink.runtime.exposition import render
    from paylink.runtime.kept_metrics import read_kept

    class Page(BaseHTTPRequestHandler):
        timeout = _READ_WITHIN_S

        def do_GET(self) -> None:
            if self.path.partition("?")[0] != "/metrics":
                self.send_error(404)
                return
            content_type, page = render([], read_kept(folder), self.headers.get("Accept") or "")
            body = page.encode()
            self.send_response(200)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    return Page
