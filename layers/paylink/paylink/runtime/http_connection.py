"""One kept HTTP/1.1 connection to a server of ours: `http.client` alone costs a cold start three times as much."""

import socket
import time
from collections.abc import Mapping
from urllib.parse import urlsplit

import httptools

_CHUNK = 65_536
_ANSWER_MAX = 8 * 1024 * 1024


class BadAnswer(Exception):
    """What came back is no HTTP answer, or a longer one than any of ours."""


class NoAnswer(ConnectionError):
    """The server closed the connection before a byte of its answer."""


class HttpConnection:
    """
    Sends one request after the other. timeout_s bounds the connecting, and each request with its answer, however slowly
    that trickles.

    After any exception the connection must be closed.
    """

    def __init__(
        self, scheme: str, host: str, timeout_s: float, *, answer_max: int = _ANSWER_MAX, measured: bool = True
    ) -> None:
        """
        `host` may have a port, and is in brackets when it is an address of IPv6. answer_max: bytes of an answer;
        measured: whether it must tell its length, so that what breaks off is not taken for the whole of it.

        Raises:
            OSError: It cannot be reached.
            ValueError: The port is none.
        """
        parts = urlsplit(f"//{host}")
        name = parts.hostname or ""
        address = (name, parts.port or (80 if scheme == "http" else 443))
        self._timeout_s, self._answer_max, self._measured = timeout_s, answer_max, measured
        self._socket = socket.create_connection(address, timeout_s)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if scheme != "http":
            self._socket = _encrypted(self._socket, name)
        self.kept = True
        """Whether another request may be sent."""
        self.retry_after = ""
        """What the last answer said in its `Retry-After`."""

    def post(self, headers: Mapping[str, str], body: bytes, path: str = "/") -> tuple[int, bytes]:
        """
        Return the answer's status and body. `headers` hold the host, and neither the body's length nor CR or LF.

        Raises:
            NoAnswer: The server had closed the connection, or closes it without a word.
            BadAnswer: It answers something else than HTTP.
            OSError: It does not answer in time, or breaks off.
        """
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        head = f"POST {path} HTTP/1.1\r\n{lines}content-length: {len(body)}\r\n\r\n"
        stop_at = time.monotonic() + self._timeout_s
        self._socket.settimeout(self._timeout_s)
        self._socket.sendall(head.encode("latin-1") + body)
        answer = _Answer()
        received = 0
        while not answer.complete:
            left_s = stop_at - time.monotonic()
            if left_s <= 0:
                raise TimeoutError("the answer is too slow")
            self._socket.settimeout(left_s)
            chunk = self._socket.recv(_CHUNK)
            if not chunk and answer.ends_with_connection and not self._measured:
                break
            if not chunk:
                raise ConnectionError("the answer broke off") if received else NoAnswer("no answer")
            received += len(chunk)
            if received > self._answer_max:
                raise BadAnswer("too long")
            try:
                answer.parser.feed_data(chunk)
            except (httptools.HttpParserError, httptools.HttpParserUpgrade) as exc:
                raise BadAnswer(type(exc).__name__) from exc
        self.kept = answer.kept and answer.complete
        self.retry_after = answer.retry_after.decode("latin-1")
        return answer.status, b"".join(answer.body)

    def close(self) -> None:
        self._socket.close()


class _Answer:
    """What the parser tells of one answer."""

    def __init__(self) -> None:
        self.parser = httptools.HttpResponseParser(self)
        self.status = 0
        self.kept = False
        self.body: list[bytes] = []
        self.retry_after = b""
        self.complete = False
        self.ends_with_connection = False
        self._measured = False

    def on_header(self, name: bytes, value: bytes) -> None:
        name = name.lower()
        if name == b"retry-after":
            self.retry_after = value
        elif name in (b"content-length", b"transfer-encoding"):
            self._measured = True

    def on_headers_complete(self) -> None:
        if self.complete:
            raise BadAnswer("two answers to one request")
        # Afterwards the parser does not know any more.
        self.status, self.kept = self.parser.get_status_code(), self.parser.should_keep_alive()
        # RFC 9112, section 6.3: an answer without either goes on until the connection ends.
        self.ends_with_connection = self.status >= 200 and not self._measured

    def on_body(self, part: bytes) -> None:
        self.body.append(part)

    def on_message_complete(self) -> None:
        # Below, as with 100, the answer is still on its way.
        self.complete = self.status >= 200


def _encrypted(plain: socket.socket, name: str) -> socket.socket:
    import ssl

    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context.wrap_socket(plain, server_hostname=name)
