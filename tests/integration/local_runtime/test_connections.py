"""Connections to the gateway: what a client sends badly, slowly or in an unusual order costs it its own connection."""

import contextlib
import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest

FUNCTION = """
    import base64
    import time

    def handler(event, context):
        time.sleep(float((event["queryStringParameters"] or {}).get("sleep", 0)))
        return {"statusCode": 200, "body": base64.b64decode(event["body"] or "").decode() or "hello"}
"""

HOST = b"Host: localhost\r\n"
GET = b"GET /hello HTTP/1.1\r\n" + HOST + b"\r\n"
LAST = b"GET /hello HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n"


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory, project_type: Any) -> Iterator[int]:
    project = project_type(tmp_path_factory.mktemp("connections"), {})
    project.write_hello(FUNCTION)
    with project.gateway(processes=1) as (_, port):
        yield port


@contextlib.contextmanager
def connected(port: int) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", port), timeout=15) as connection:
        yield connection


def rest(connection: socket.socket) -> bytes:
    """Return all that comes until the gateway closes."""
    received = b""
    with contextlib.suppress(ConnectionResetError):
        while part := connection.recv(65_536):
            received += part
    return received


@pytest.mark.parametrize("piece", [100, 100_000], ids=["piece by piece", "at once"])
def test_headers_have_a_size(port: int, piece: int) -> None:
    with connected(port) as connection:
        lines = b"".join(b"X-%d: %s\r\n" % (number, b"a" * 80) for number in range(1000))
        request = b"GET /hello HTTP/1.1\r\n" + HOST + lines + b"\r\n"
        with contextlib.suppress(OSError):
            for start in range(0, len(request), piece):
                connection.sendall(request[start : start + piece])
        answer = rest(connection)
    assert answer.startswith(b"HTTP/1.1 431 ")
    assert b"application/problem+json" in answer
    assert answer.count(b"HTTP/1.1 ") == 1


def test_one_endless_header_has_too(port: int) -> None:
    with connected(port) as connection:
        connection.sendall(b"GET /hello HTTP/1.1\r\n" + HOST + b"X-Long: ")
        sent = 0
        with contextlib.suppress(OSError):
            while sent < 4_000_000:
                sent += connection.send(b"a" * 10_000)
        answer = rest(connection)
    assert sent < 4_000_000
    assert answer in {b""} or answer.startswith(b"HTTP/1.1 431 ")


def test_headers_have_a_time_however_they_drip(port: int) -> None:
    with connected(port) as connection:
        started_s = time.monotonic()
        with contextlib.suppress(OSError):
            for byte in GET[:-2] + b"X-Slow: " + b"a" * 400:
                connection.sendall(bytes([byte]))
                time.sleep(0.05)
                if time.monotonic() - started_s > 12:
                    break
        assert rest(connection) == b""
        assert 4 < time.monotonic() - started_s < 8


def test_a_connection_that_asks_nothing_more_is_closed(port: int) -> None:
    with connected(port) as connection:
        connection.sendall(GET)
        started_s = time.monotonic()
        assert rest(connection).endswith(b"hello")
        assert 4 < time.monotonic() - started_s < 8


def test_requests_sent_in_one_go_are_answered_in_order(port: int) -> None:
    with connected(port) as connection:
        bodies = [b"first", b"second", b"third"]
        posts = [
            b"POST /hello%s HTTP/1.1\r\n" % (b"?sleep=0.2" if body == b"first" else b"")
            + HOST
            + b"Content-Length: %d\r\n\r\n%s" % (len(body), body)
            for body in bodies
        ]
        connection.sendall(b"".join(posts) + LAST)
        answers = rest(connection).split(b"HTTP/1.1 ")[1:]
    assert [answer.rpartition(b"\r\n\r\n")[2] for answer in answers] == [*bodies, b"hello"]


def test_nonsense_behind_a_request_is_no_answer_to_it(port: int) -> None:
    """A 400 in the place of its answer would tell the client something that is not so."""
    with connected(port) as connection:
        connection.sendall(GET.replace(b"/hello", b"/hello?sleep=0.3") + b"\x00\x01nonsense\r\n\r\n")
        assert not rest(connection).startswith(b"HTTP/1.1 4")


def test_a_client_may_end_its_side_and_still_read(port: int) -> None:
    with connected(port) as connection:
        connection.sendall(GET.replace(b"/hello", b"/hello?sleep=0.3"))
        connection.shutdown(socket.SHUT_WR)
        assert rest(connection).endswith(b"hello")


def test_a_client_that_asks_for_another_protocol_is_answered_in_this_one(port: int) -> None:
    upgrade = b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: eA==\r\n\r\n"
    with connected(port) as connection:
        connection.sendall(b"GET /hello HTTP/1.1\r\n" + HOST + upgrade)
        assert rest(connection).startswith(b"HTTP/1.1 200 ")


def test_one_that_asks_before_it_sends_is_told_to_go_on(port: int) -> None:
    with connected(port) as connection:
        connection.sendall(b"POST /hello HTTP/1.1\r\n" + HOST + b"Content-Length: 2\r\nExpect: 100-continue\r\n\r\n")
        assert connection.recv(65_536).startswith(b"HTTP/1.1 100 ")
        connection.sendall(b"hi")
        assert rest(connection).endswith(b"hi")


def test_after_all_that_others_are_served(port: int) -> None:
    with connected(port) as connection:
        connection.sendall(LAST)
        assert rest(connection).endswith(b"hello")
