"""HTTP/1.1 over one connection: uvicorn's protocol with limits on what a client can make the gateway hold."""

from typing import Any

from uuid_utils import uuid4
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from paylink_local.gateway import problems
from paylink_local.gateway.deadlines import Deadlines
from paylink_local.gateway.problems import Problem

CONNECTIONS_MAX = 4096
"""Connections of one process. Idle ones cost little, and do not live long."""

HEADERS_WAIT_S = 5
"""How long a connection may take for a request's headers, and may stay idle between two requests."""

_HEADERS_BYTES_MAX = 32 * 1024
_RETRY_AFTER_S = 1


class Connection(HttpToolsProtocol):
    """
    Closes a connection whose request line and headers are too long or too slow, and one too many.

    Between two requests a connection has as long, which uvicorn sees to.
    """

    deadlines: Deadlines
    """Of all connections of this process; whoever serves sets it."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._unparsed_bytes = 0
        self._reads_headers = False

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        if len(self.connections) > CONNECTIONS_MAX:
            detail = "There are too many connections. Try again later."
            self._refuse(problems.overloaded(detail, _RETRY_AFTER_S))
            return
        self._await_headers()

    def connection_lost(self, exc: Exception | None) -> None:
        self._have_headers()
        super().connection_lost(exc)
        # uvicorn leaves it running for a connection that ended with an error.
        self._unset_keepalive_if_required()

    def data_received(self, data: bytes) -> None:
        if self.transport.is_closing():
            return
        super().data_received(data)
        if self._reads_headers:
            self._unparsed_bytes += len(data)
            if self._unparsed_bytes > _HEADERS_BYTES_MAX:
                self._refuse(problems.headers_too_large(_HEADERS_BYTES_MAX))

    # asyncio.Protocol declares this type; uvicorn, whose own method returns nothing, narrows it to None.
    def eof_received(self) -> bool | None:  # type: ignore[override]
        """A client may end its side once its request is sent, and still read."""
        asked = self.cycle is not None and not self.cycle.more_body and not self.cycle.response_complete
        if asked:
            self.cycle.keep_alive = False
        return asked

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._unparsed_bytes = 0
        self._await_headers()

    def on_headers_complete(self) -> None:
        self._have_headers()
        size = len(self.url) + sum(len(name) + len(value) for name, value in self.headers)
        if size > _HEADERS_BYTES_MAX:
            self._refuse(problems.headers_too_large(_HEADERS_BYTES_MAX))
        else:
            super().on_headers_complete()

    def send_400_response(self, msg: str) -> None:
        self._refuse(problems.bad_request("This is no well-formed HTTP/1.1 request."))

    def _unsupported_upgrade_warning(self) -> None:
        """A client may ask for another protocol, and is answered in this one."""

    def _await_headers(self) -> None:
        self._reads_headers = True
        self.deadlines.add(self._expire)

    def _have_headers(self) -> None:
        self._reads_headers = False
        self.deadlines.remove(self._expire)

    def _expire(self) -> None:
        self._reads_headers = False
        self.transport.close()

    def _refuse(self, problem: Problem) -> None:
        """Answer what did not become a request. One that is being answered is cut off: both answers would mix."""
        self._have_headers()
        if self.transport.is_closing():
            return
        if self.cycle is None or self.cycle.response_complete:
            headers = [
                *self.server_state.default_headers,
                *problem.headers,
                (b"x-request-id", str(uuid4()).encode()),
                (b"content-length", b"%d" % len(problem.body)),
                (b"connection", b"close"),
            ]
            lines = [name + b": " + value + b"\r\n" for name, value in headers]
            self.transport.write(b"".join([STATUS_LINE[problem.status], *lines, b"\r\n", problem.body]))
        self.transport.close()


def connection_class() -> type[Connection]:
    """Return the class of one process' connections."""
    return type("Connection", (Connection,), {"deadlines": Deadlines(HEADERS_WAIT_S)})
