"""
`python -m bench.checkout.traced_gateway`: the gateway as shipped, which also notes when things happened.

For each request, a line in a file of its process in the folder BENCH_TRACE: when it was read from its socket, when its
answer was written to it, and the begin and end of each call of a provider: from just before the request is given to the
socket until its answer's last byte was read from it. All by the monotonic clock.
"""

import json
import os
import socket
import threading
import time
from pathlib import Path
from typing import Any

from paylink.providers import connections, http
from paylink.runtime.logs import request_id_in_logs
from paylink_local.gateway import __main__ as gateway
from paylink_local.gateway import process
from paylink_local.gateway.connections import connection_class

TRACE = "BENCH_TRACE"

_thread = threading.local()
_calls: dict[str | None, list[tuple[int, int]]] = {}
"""Of requests that are being answered."""


def serve(sock: socket.socket) -> None:
    """Serve as the gateway's processes do."""
    _note_provider_calls()
    connection = _noting(connection_class(), Path(os.environ[TRACE], str(os.getpid())))
    setattr(process, "connection_class", lambda: connection)  # noqa: B010  # a name that it imports, not exports
    process.serve(sock)


def _noting(connection: type[Any], file: Path) -> type[Any]:
    out = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    class Noting(connection):  # type: ignore[misc]  # made in this process
        def data_received(self, data: bytes) -> None:
            self.read_ns = time.monotonic_ns()
            super().data_received(data)

        def on_response_complete(self) -> None:
            headers = dict(self.cycle.scope["headers"])
            # uvloop writes at the end of its round: what it calls in the next one comes after that.
            self.loop.call_soon(self._note, headers.get(b"x-request-id", b"").decode(), self.read_ns)
            super().on_response_complete()

        def _note(self, request_id: str, read_ns: int) -> None:
            line = [request_id, read_ns, time.monotonic_ns(), _calls.pop(request_id, [])]
            os.write(out, json.dumps(line).encode() + b"\n")

    return Noting


def _note_provider_calls() -> None:
    send, call, read = connections._send_and_tell, http.ProviderHttp.send, socket.SocketIO.readinto

    def noting_send(connection: Any, data: Any) -> None:
        if connection.sock is None:
            connection.connect()
        # A body may follow its headers in a second one.
        _thread.began_ns = _thread.began_ns or time.monotonic_ns()
        send(connection, data)

    def noting_read(self: socket.SocketIO, buffer: Any) -> int | None:
        got = read(self, buffer)
        if got:
            _thread.last_byte_ns = time.monotonic_ns()
        return got

    def noting_call(*arguments: Any, **options: Any) -> http.Answer:
        _thread.began_ns = 0
        answer = call(*arguments, **options)
        _calls.setdefault(request_id_in_logs.get(), []).append((_thread.began_ns, _thread.last_byte_ns))
        return answer

    connections._HttpConnection.send = noting_send
    http.ProviderHttp.send = noting_call  # type: ignore[method-assign]  # only this process notes times
    setattr(socket.SocketIO, "readinto", noting_read)  # noqa: B010  # the stubs name its parameters otherwise


if __name__ == "__main__":
    # The imported one: a spawned process finds it by its name.
    from bench.checkout import traced_gateway

    setattr(gateway, "serve", traced_gateway.serve)  # noqa: B010  # a name that it imports, not exports
    gateway.main()
