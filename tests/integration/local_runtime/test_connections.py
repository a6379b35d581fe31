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

    bodies = []

    def handler(event, context):
        own = base64.b64decode(event["body"] or "").decode()
        bodies.append(own)
        asked = event["queryStringParameters"] or {}
        time.sleep(float(asked.get("sleep", 0)))
        if "header" in asked:
            return {"statusCode": 200, "body": event["headers"].get(asked["header"], "none")}
        if "bodies" in asked:
            return {"statusCode": 200, "body": " ".join(body[:100] for body in bodies)}
        return {"statusCode": 200, "body": own or "hello"}
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


@pytest.mark.parametrize("pause_s", [0.0, 0.2], ids=["at once", "behind its headers"])
@pytest.mark.parametrize(
    ("framing", "body"),
    [
        (b"Content-Length: %d" % len(GET), GET),
        (b"Transfer-Encoding: chunked", b"%x\r\n%s\r\n0\r\n\r\n" % (len(GET), GET)),
    ],
    ids=["length", "chunks"],
)
def test_its_body_is_no_second_request(port: int, framing: bytes, body: bytes, pause_s: float) -> None:
    """Some clients ask for HTTP/2 with every first request."""
    upgrade = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAE\r\n"
    with connected(port) as connection:
        connection.sendall(b"POST /hello HTTP/1.1\r\n" + HOST + upgrade + framing + b"\r\n\r\n")
        time.sleep(pause_s)
        connection.sendall(body + LAST)
        answers = rest(connection).split(b"HTTP/1.1 ")[1:]
    assert [answer.partition(b"\r\n\r\n")[2] for answer in answers] == [GET, b"hello"]


CHUNKED = b"POST /hello?header=x-forwarded-for HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize("pause_s", [0.0, 0.2], ids=["at once", "later"])
def test_what_follows_a_chunked_body_is_no_header(port: int, pause_s: float) -> None:
    with connected(port) as connection:
        connection.sendall(CHUNKED)
        time.sleep(pause_s)
        connection.sendall(b"2\r\nhi\r\n0\r\nX-Forwarded-For: 192.0.2.1\r\n\r\n" + LAST)
        answers = rest(connection).split(b"HTTP/1.1 ")[1:]
    assert [answer.rpartition(b"\r\n\r\n")[2] for answer in answers] == [b"none", b"hello"]


@pytest.mark.parametrize(
    ("begin", "part"),
    [(b"0\r\n", b"a:\r\n" * 1000), (b"0\r\nX-Long: ", b"a" * 4000), (b"2;", b"a" * 4000)],
    ids=["trailers", "a trailer", "a chunk's extension"],
)
def test_a_body_has_no_endless_rest(port: int, begin: bytes, part: bytes) -> None:
    with connected(port) as connection:
        connection.sendall(CHUNKED + begin)
        sent = 0
        with contextlib.suppress(OSError):
            while sent < 20_000_000:
                sent += connection.send(part)
        answer = rest(connection)
    assert sent < 20_000_000
    assert answer in {b""} or answer.startswith(b"HTTP/1.1 431 ")


def test_a_body_that_ends_in_nonsense_is_told_so(port: int) -> None:
    with connected(port) as connection:
        connection.sendall(CHUNKED + b"2\r\nhiX0\r\n\r\n")
        answer = rest(connection)
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert answer.count(b"HTTP/1.1 4") == 1


def test_what_follows_a_refused_request_is_no_part_of_the_one_before(port: int) -> None:
    """Its body would be added to that of the request before, which runs."""
    first = b"POST /hello?sleep=0.3 HTTP/1.1\r\n" + HOST + b"Content-Length: 3\r\n\r\nabc"
    refused = (
        b"POST /hello HTTP/1.1\r\n" + HOST + b"X-Long: " + b"a" * 33_000 + b"\r\nContent-Length: 9\r\n\r\nINJECTED!"
    )
    for _ in range(5):
        with connected(port) as connection:
            connection.sendall(first + refused)
            assert b"INJECTED" not in rest(connection)
    with connected(port) as connection:
        connection.sendall(
            GET.replace(b"/hello", b"/hello?bodies=1").replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
        )
        assert b"INJECTED" not in rest(connection)


def test_a_large_body_may_be_followed_by_a_part_of_the_next_request(port: int) -> None:
    """Its size is not that of the headers behind it."""
    with connected(port) as connection:
        body = b"x" * 100_000
        connection.sendall(b"POST /hello HTTP/1.1\r\n" + HOST + b"Content-Length: 100000\r\n\r\n" + body + LAST[:20])
        time.sleep(0.3)
        connection.sendall(LAST[20:])
        assert rest(connection).endswith(b"hello")


def test_requests_that_wait_for_the_one_before_are_few(port: int) -> None:
    """Those that are taken are answered, and then the connection ends."""
    with connected(port) as connection:
        connection.sendall(GET.replace(b"/hello", b"/hello?sleep=0.5") + GET * 3000)
        answers = rest(connection).count(b"HTTP/1.1 200 ")
    assert 2 <= answers < 100


def test_a_client_that_does_not_read_is_sent_away(port: int) -> None:
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.connect(("127.0.0.1", port))
        connection.settimeout(0.3)
        requests = (b"POST /hello HTTP/1.1\r\n" + HOST + b"Content-Length: 400000\r\n\r\n" + b"x" * 400_000) * 100
        with contextlib.suppress(TimeoutError):
            connection.sendall(requests)
        connection.settimeout(15)
        time.sleep(11)
        with pytest.raises(ConnectionError):
            connection.sendall(requests)


@pytest.mark.parametrize(
    "request_line",
    [b"GET /hello\r\n", b"GET /hello HTTP/2.0\r\n", b"GET /hello HTTP/1.0\r\nTransfer-Encoding: chunked\r\n"],
)
def test_what_others_may_read_differently_is_refused(port: int, request_line: bytes) -> None:
    with connected(port) as connection:
        connection.sendall(request_line + HOST + b"\r\n0\r\n\r\n")
        assert rest(connection).startswith(b"HTTP/1.1 400 ")


def test_half_a_request_takes_no_answer_from_the_one_before(port: int) -> None:
    with connected(port) as connection:
        connection.sendall(GET.replace(b"/hello", b"/hello?sleep=6") + GET[:20])
        assert rest(connection).endswith(b"hello")


def test_empty_lines_do_not_hold_a_connection(port: int) -> None:
    with connected(port) as connection:
        connection.sendall(GET)
        time.sleep(0.5)
        connection.sendall(b"\r\n")
        started_s = time.monotonic()
        assert rest(connection).endswith(b"hello")
        assert 4 < time.monotonic() - started_s < 8


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
