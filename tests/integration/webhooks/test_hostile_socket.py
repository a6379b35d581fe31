"""Hostile input as bytes on the wire, to the gateway as it runs: below 500 or hung up on, in bounded memory."""

import socket
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import psutil
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from paylink.providers.registry import provider_slugs
from support.gateway import running_gateway
from support.hostile import headers, wild_bodies
from support.signing_as import signed_as
from support.stack import NO_ANSWER, Answer, Stack

EXAMPLES, EXAMPLES_LONG = 150, 3_000
WARM_UP = 60
GROWTH_MAX_BYTES = 40 * 1024 * 1024
ANSWER_WITHIN_S = 7
"""An unfinished head is waited for 5 s."""

FRAMING = {b"transfer-encoding", b"content-length", b"expect"}
"""With these, the server may rightly wait for what never comes."""

HEADS = [
    b"POST /v1/webhook/stripe HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
    b"POST /v1/webhook/stripe HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n{}",
    b"POST /v1/webhook/stripe HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n{}",
    b"POST /v1/webhook/stripe HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
    b"POST /v1/webhook/stripe HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{}",
    b"POST /v1/webhook/stripe HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n{}",
    b"POST /v1/webhook/stripe HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n{}\r\n0\r\n\r\n",
    b"POST /v1/webhook/stripe HTTP/9.9\r\nHost: x\r\n\r\n",
    b"POST /v1/webhook/stripe HTTP/1.0\r\n\r\n",
    b"POST /v1/webhook/stripe\n\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"POST /v1/webhook/" + b"%2e%2e%2f" * 3000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
    b"POST /v1/webhook/stripe/%00 HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n",
    b"POST /v1/webhook/stripe/%ff HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n",
    b"POST /v1/webhook/stripe/% HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n",
    b"POST //v1//webhook//stripe HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n",
    b"POST http://elsewhere/v1/webhook/stripe HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n",
    b"GET /v1/webhook/stripe HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
]


@pytest.fixture
def gateway(stack: Stack, tmp_path: Path) -> Iterator[tuple[int, psutil.Process]]:
    """The gateway over PayLink's own template, in one process; gives its port and its parent process."""
    with running_gateway(stack, tmp_path / "gateway.log") as (port, pid):
        yield port, psutil.Process(pid)


def exchange(port: int, raw: bytes, *, close: bool = False) -> bytes:
    """Send bytes as they are, and return all that comes back; `close` ends our side first."""
    answer = b""
    with socket.create_connection(("127.0.0.1", port), timeout=ANSWER_WITHIN_S) as connection:
        try:
            connection.sendall(raw)
            if close:
                connection.shutdown(socket.SHUT_WR)
            while part := connection.recv(65_536):
                answer += part
        except TimeoutError:
            raise
        except OSError:
            pass  # it hung up before it had heard all, and what it said may be lost on the way
    return answer


def status_of(answer: bytes) -> int | None:
    return int(answer.split(b" ", 2)[1]) if answer.startswith(b"HTTP/1.") else None


def post(stack: Stack, port: int, path: bytes, raw: bytes, named: list[tuple[bytes, bytes]]) -> int | None:
    """Send a webhook with these headers, and count what its sender was told."""
    lines = [b"%s: %s\r\n" % header for header in named]
    head = b"POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\nConnection: close\r\n" % (path, len(raw))
    status = status_of(exchange(port, head + b"".join(lines) + b"\r\n" + raw))
    assert status is None or status < 500, status
    stack.received.append(NO_ANSWER if status is None else Answer(status, {}, None))
    return status


def right_event(stack: Stack, port: int) -> int | None:
    raw, signature = signed_as("stripe", stack.environ, b'{"id": "evt_%s", "type": "x.y"}' % uuid4().hex.encode())
    return post(stack, port, b"/v1/webhook/stripe", raw, [(k.encode(), v.encode()) for k, v in signature.items()])


def test_the_gateway_withstands_hostile_requests(stack: Stack, gateway: tuple[int, psutil.Process], long: bool):
    port, parent = gateway
    sent, sizes = 0, []
    paths = st.binary(max_size=40).map(lambda name: b"/" + name.translate(None, b" \r\n"))

    @settings(
        max_examples=EXAMPLES_LONG if long else EXAMPLES,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.large_base_example, HealthCheck.data_too_large],
    )
    @given(st.sampled_from(provider_slugs()), st.just(b"") | paths, wild_bodies(), st.just([]) | headers())
    def check(slug: str, account: bytes, body: bytes, more: list[tuple[bytes, bytes]]) -> None:
        nonlocal sent
        raw, signature = signed_as(slug, stack.environ, body)
        named = [(name.encode(), value.encode()) for name, value in signature.items()]
        more = [header for header in more if header[0] not in FRAMING]
        post(stack, port, b"/v1/webhook/" + slug.encode() + account, raw, named + more)
        sent += 1
        if sent >= WARM_UP:
            sizes.append(resident(parent))

    check()
    assert right_event(stack, port) == 200
    assert max(sizes) - sizes[0] < GROWTH_MAX_BYTES, (sizes[0], max(sizes))
    stack.try_each_event()
    assert (
        stack.rows("select 1 from webhook_events where state <> 'in_flight' and state <> 'applied' and reason is null")
        == []
    )


def resident(parent: psutil.Process) -> int:
    return sum(process.memory_info().rss for process in [parent, *parent.children(recursive=True)])


def test_what_is_hardly_http_is_refused_or_hung_up_on(stack: Stack, gateway: tuple[int, psutil.Process]):
    port, _ = gateway
    for raw in HEADS:
        status = status_of(exchange(port, raw, close=True))
        assert status is None or 400 <= status < 500, (raw[:60], status)
    assert right_event(stack, port) == 200
