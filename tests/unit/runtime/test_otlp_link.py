"""One request to a collector, whatever it is that answers there."""

import socket
import time
from collections.abc import Callable

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from paylink.runtime.otlp_link import RETRY_AFTER_S_MAX, OtlpLink, Taken
from paylink.runtime.trace_settings import TraceSettings
from support.collector import Collector, collecting
from support.serving import saying

NOTHING = b""
TIMEOUT_S = 0.4


def link_to(address: str) -> OtlpLink:
    timeout = {"OTEL_EXPORTER_OTLP_TIMEOUT": str(int(TIMEOUT_S * 1000))}
    settings = TraceSettings.from_environ({"OTEL_EXPORTER_OTLP_ENDPOINT": address} | timeout)
    assert settings is not None
    return OtlpLink(settings)


def took(do: Callable[[], Taken]) -> tuple[Taken, float]:
    began_s = time.monotonic()
    return do(), time.monotonic() - began_s


def test_what_was_not_kept_is_told(collector: Collector):
    answer = ExportTraceServiceResponse()
    answer.partial_success.rejected_spans = 3
    collector.answer = answer.SerializeToString()
    assert link_to(collector.address).send(NOTHING) == Taken(rejected=3)


@pytest.mark.parametrize(
    ("retry_after", "wait_s"),
    [
        ("7", 7),
        ("0", 0),
        ("86400", RETRY_AFTER_S_MAX),
        ("9" * 5000, RETRY_AFTER_S_MAX),
        # Of these, nothing is made: it is asked again in our own time.
        ("-5", 0),
        ("1.5", 0),
        ("\xb2", 0),
        ("soon", 0),
        ("Fri, 31 Dec 2999 23:59:59 GMT", 0),
    ],
)
def test_how_long_it_wants_us_to_wait(collector: Collector, retry_after: str, wait_s: float):
    collector.status, collector.headers = 503, {"Retry-After": retry_after}
    assert link_to(collector.address).send(NOTHING) == Taken("503", again=True, wait_s=wait_s)


@pytest.mark.parametrize("status", [400, 401, 404, 413, 500, 501])
def test_what_it_will_not_take_is_not_sent_again(collector: Collector, status: int):
    collector.status, collector.headers = status, {"Retry-After": "1"}
    assert not link_to(collector.address).send(NOTHING).again


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_not_followed(collector: Collector, status: int):
    """Our headers may hold a key, which is for nobody else."""
    with collecting() as other:
        collector.status, collector.headers = status, {"Location": other.address}
        assert link_to(collector.address).send(NOTHING) == Taken(str(status))
        assert other.requests == []


DRIPS = {
    "head": (b"HTTP/1.1 200 OK\r\n", b"X: y\r\n"),
    "body": (b"HTTP/1.1 200 OK\r\nContent-Length: 60000\r\n\r\n", b"."),
    "continue": (b"HTTP/1.1 100 Continue\r\n\r\n",),
}


@pytest.mark.parametrize("parts", DRIPS.values(), ids=DRIPS)
def test_an_answer_that_trickles_is_not_waited_for(parts: tuple[bytes, ...]):
    """Each byte comes in time, and the end never does."""
    with saying(*parts[:-1], *parts[-1:] * 100, every_s=0.05, for_ever=True) as address:
        taken, took_s = took(lambda: link_to(address).send(NOTHING))
    assert taken == Taken("TimeoutError", again=True)
    assert took_s < 3 * TIMEOUT_S


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 900000\r\n\r\n" + b"." * 900_000,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"8000\r\n" + b"." * 0x8000 + b"\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 100_000,
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"HTTP/2 200\r\n\r\n",
    ],
    ids=["long", "endless", "head", "ssh", "http2"],
)
def test_who_is_no_collector_is_not_asked_again(answer: bytes):
    with saying(answer, for_ever=b"chunked" in answer) as address:
        taken = link_to(address).send(NOTHING)
    assert taken.reason is not None
    assert not taken.again


def test_an_answer_may_end_with_its_connection():
    """As RFC 9112 has it where no length is told. Its spans are taken, and not sent a second time."""
    with saying(b"HTTP/1.0 200 OK\r\n\r\n") as address:
        link = link_to(address)
        assert [link.send(NOTHING) for _ in range(2)] == [Taken(), Taken()]


@pytest.mark.parametrize("part", [b"HTTP/1.1 2", b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n.."])
def test_an_answer_that_breaks_off_is_none(part: bytes):
    with saying(part) as address:
        assert link_to(address).send(NOTHING) == Taken("ConnectionError", again=True)


def test_who_hangs_up_is_asked_once_more_in_our_own_time():
    with saying() as address:
        assert link_to(address).send(NOTHING) == Taken("NoAnswer", again=True)


def has_ipv6() -> bool:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        return False
    return True


@pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6")
def test_an_address_of_ipv6():
    with saying(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", host="::1") as address:
        assert link_to(address).send(NOTHING) == Taken()
