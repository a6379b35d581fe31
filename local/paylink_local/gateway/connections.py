"""HTTP/1.1 over one connection: uvicorn's protocol with limits on what a client can make the gateway hold."""

from typing import Any

import httptools
from uuid_utils import uuid4
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from paylink_local.gateway import problems
from paylink_local.gateway.deadlines import Deadlines
from paylink_local.gateway.problems import Problem

CONNECTIONS_MAX = 4096
"""Connections of one process. Idle ones cost little, and do not live long."""

HEADERS_WAIT_S = 5
"""How long a connection may take for a request's headers, and may stay idle between two requests."""

_READING_WAIT_S = 10
"""How long a client may leave unread what it was sent, once that waits here."""

_HEADERS_BYTES_MAX = 32 * 1024
_PIPELINED_MAX = 64
"""Requests of one connection that wait for the answer to the one before."""

_RETRY_AFTER_S = 1


class StopParsing(Exception):
    """Nothing more is taken from this connection: what follows must not reach the request before."""


class Connection(HttpToolsProtocol):
    """
    Closes a connection whose request line and headers are too long or too slow, and one too many.

    Between two requests a connection has as long, which uvicorn sees to. No other protocol is spoken: a request that
    asks for one is taken as if it did not. What follows a chunked body (trailers) is dropped.
    """

    header_deadlines: Deadlines
    reading_deadlines: Deadlines
    """Of all connections of this process; whoever serves sets them."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._in_request = False
        self._reads_headers = False
        self._asks_for_upgrade = False
        self._takes_no_more = False
        # Received since the request began or its body grew.
        self._unparsed_bytes = 0
        self._moved = False

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        if len(self.connections) > CONNECTIONS_MAX:
            detail = "there are too many connections; try again later"
            self._refuse(problems.overloaded(detail, _RETRY_AFTER_S))
            return
        self._await_headers()

    def connection_lost(self, exc: Exception | None) -> None:
        self._have_headers()
        self.reading_deadlines.remove(self._abort)
        super().connection_lost(exc)
        # uvicorn leaves it running for a connection that ended with an error.
        self._unset_keepalive_if_required()

    def data_received(self, data: bytes) -> None:
        if self.transport.is_closing() or self._takes_no_more:
            return
        self._unset_keepalive_if_required()
        self._moved = False
        try:
            self._parse(memoryview(data))
        except httptools.HttpParserError:
            if not self._takes_no_more:
                self._refuse(problems.bad_request("this is no well-formed HTTP/1.1 request"))
            return
        if not self._in_request:
            answered = self.cycle is None or self.cycle.response_complete
            if answered and not self._reads_headers:
                # Empty lines before the next request; uvicorn's own wait has ended with them.
                self._await_headers()
            return
        self._unparsed_bytes = 0 if self._moved else self._unparsed_bytes + len(data)
        if self._unparsed_bytes > _HEADERS_BYTES_MAX:
            self._refuse(problems.headers_too_large(_HEADERS_BYTES_MAX))

    def _parse(self, data: memoryview) -> None:
        while data:
            try:
                self.parser.feed_data(data)
                return
            except httptools.HttpParserUpgrade as exc:
                # The parser stopped behind the headers, and takes the request for one without a body.
                data = data[exc.args[0] :]
                self.parser.feed_data(self._head_without_upgrade())

    def _head_without_upgrade(self) -> bytes:
        self._asks_for_upgrade = False
        version = self.parser.get_http_version().encode()
        lines = [name + b": " + value for name, value in self.headers if name != b"upgrade"]
        return b"\r\n".join([b"%s %s HTTP/%s" % (self.parser.get_method(), self.url, version), *lines, b"", b""])

    # asyncio.Protocol declares this type; uvicorn, whose own method returns nothing, narrows it to None.
    def eof_received(self) -> bool | None:  # type: ignore[override]
        """A client may end its side once its request is sent, and still read."""
        asked = self.cycle is not None and not self.cycle.more_body and not self.cycle.response_complete
        if asked:
            self.cycle.keep_alive = False
        return asked

    def pause_writing(self) -> None:
        super().pause_writing()
        self.reading_deadlines.add(self._abort)

    def resume_writing(self) -> None:
        super().resume_writing()
        if not self.transport.is_closing():
            self.reading_deadlines.remove(self._abort)

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self.transport.is_closing():
            self._close()

    def timeout_keep_alive_handler(self) -> None:
        self._close()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._in_request = self._moved = True
        self._await_headers()

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._reads_headers:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._have_headers()
        size = len(self.url) + sum(len(name) + len(value) for name, value in self.headers)
        if size > _HEADERS_BYTES_MAX:
            self._refuse(problems.headers_too_large(_HEADERS_BYTES_MAX))
            raise StopParsing
        version = self.parser.get_http_version()
        chunked = any(name == b"transfer-encoding" for name, _ in self.headers)
        if version not in ("1.0", "1.1") or (version == "1.0" and chunked):
            # Whoever stands before this server may see another request in the same bytes.
            raise StopParsing
        if len(self.pipeline) >= _PIPELINED_MAX:
            self._end_after_answer()
            raise StopParsing
        if self.parser.should_upgrade() and self.parser.get_method() != b"CONNECT":
            self._asks_for_upgrade = True
        else:
            super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._moved = True
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._in_request = False
        if not self._asks_for_upgrade:
            super().on_message_complete()

    def _await_headers(self) -> None:
        self._reads_headers = True
        self.header_deadlines.add(self._expire)

    def _have_headers(self) -> None:
        self._reads_headers = False
        self.header_deadlines.remove(self._expire)

    def _expire(self) -> None:
        self._reads_headers = False
        if self.cycle is None or self.cycle.response_complete:
            self._close()
        else:
            # The half of a request, behind one that is still to be answered.
            self._end_after_answer()

    def _end_after_answer(self) -> None:
        """Take nothing more, and end the connection with the answer to the newest request."""
        self.cycle.keep_alive = False
        self._takes_no_more = True

    def _close(self) -> None:
        """A client that does not read what was sent before is not waited for either."""
        self.transport.close()
        self.reading_deadlines.add(self._abort)

    def _abort(self) -> None:
        self.transport.abort()

    def _refuse(self, problem: Problem) -> None:
        """
        Answer what did not become a request, or ended within its body. One that is being answered, or is to be answered
        before it, is cut off: both answers would mix.
        """
        self._takes_no_more = True
        self._have_headers()
        if self.transport.is_closing():
            return
        broken = self.cycle is not None and self.cycle.more_body and not self.cycle.response_started
        if broken:
            # Whoever waits for the rest of its body learns that nobody is there any more.
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        if self.cycle is None or self.cycle.response_complete or (broken and not self.pipeline):
            headers = [
                *self.server_state.default_headers,
                *problem.headers,
                (b"x-request-id", str(uuid4()).encode()),
                (b"content-length", b"%d" % len(problem.body)),
                (b"connection", b"close"),
            ]
            lines = [name + b": " + value + b"\r\n" for name, value in headers]
            self.transport.write(b"".join([STATUS_LINE[problem.status], *lines, b"\r\n", problem.body]))
        self._close()


def connection_class() -> type[Connection]:
    """Return the class of one process' connections."""
    deadlines = {"header_deadlines": Deadlines(HEADERS_WAIT_S), "reading_deadlines": Deadlines(_READING_WAIT_S)}
    return type("Connection", (Connection,), deadlines)
