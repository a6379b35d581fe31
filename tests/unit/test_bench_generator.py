"""The load generator of the benchmarks, against small servers that do as they are told."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bench.common import generator
from bench.common.generator import Load
from bench.common.rules import Void

REQUEST = b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\n\r\nbody"
ACCEPTED = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
REFUSED = b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\nConnection: close\r\n\r\n"


@contextmanager
def serving(answer: Callable[[int], bytes | None]) -> Iterator[int]:
    """Answer the n-th request, over all connections, with `answer(n)`; None: close without a word."""
    count, counting = [0], threading.Lock()

    def serve(client: socket.socket) -> None:
        with client:
            while received(client):
                with counting:
                    number = count[0]
                    count[0] += 1
                found = answer(number)
                if found is None:
                    return
                client.sendall(found)

    def received(client: socket.socket) -> bool:
        missing = len(REQUEST)
        while missing and (data := client.recv(missing)):
            missing -= len(data)
        return not missing

    with socket.create_server(("127.0.0.1", 0), backlog=100) as server:

        def accept() -> None:
            while True:
                try:
                    client, _ = server.accept()
                except OSError:
                    return
                threading.Thread(target=serve, args=(client,), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def send(tmp_path: Path) -> Callable[..., Load]:
    def run(port: int, count: int, **options: float) -> Load:
        file = tmp_path / "requests"
        generator.write_requests(file, [REQUEST] * count)
        return generator.send(file, port, **({"seconds": 10.0, "connections": 4} | options))  # type: ignore[arg-type]

    return run


def test_every_prepared_request_is_sent_once(send: Callable[..., Load]):
    with serving(lambda n: ACCEPTED) as port:
        load = send(port, 500)
    assert (load.sent, load.accepted, load.unknown) == (500, 500, 0)
    assert load.statuses == {200: 500}
    assert sum(load.accepted_per_second) == 500
    load.require_all_accepted()


def test_answers_are_counted_by_status_and_only_a_2xx_is_accepted(send: Callable[..., Load]):
    with serving(lambda n: REFUSED if n % 5 == 0 else ACCEPTED) as port:
        load = send(port, 100)
    assert load.statuses == {200: 80, 503: 20}
    assert (load.accepted, load.unknown) == (80, 0)
    with pytest.raises(Void):
        load.require_all_accepted()


def test_a_request_whose_answer_is_lost_is_unknown_and_not_accepted(send: Callable[..., Load]):
    with serving(lambda n: None if n % 10 == 0 else ACCEPTED) as port:
        load = send(port, 100)
    assert (load.sent, load.accepted, load.unknown) == (100, 90, 10)
    with pytest.raises(Void, match="10 lost"):
        load.require_all_accepted()


@pytest.mark.parametrize(
    "answer", [b"HTTP/1.1 200 OK\r\n\r\n", b"nonsense\r\n\r\n", ACCEPTED + b"more than it announced"]
)
def test_an_answer_that_cannot_be_read_is_unknown(send: Callable[..., Load], answer: bytes):
    with serving(lambda n: answer) as port:
        assert send(port, 3).unknown == 3


def test_an_answer_may_come_in_pieces(send: Callable[..., Load]):
    with socket.create_server(("127.0.0.1", 0)) as server:

        def drip() -> None:
            client, _ = server.accept()
            with client:
                client.recv(len(REQUEST))
                for byte in ACCEPTED:
                    client.sendall(bytes([byte]))
                    time.sleep(0.001)
                client.recv(1)

        threading.Thread(target=drip, daemon=True).start()
        assert send(server.getsockname()[1], 1, connections=1).accepted == 1


def test_a_server_that_is_not_there_voids_the_run(send: Callable[..., Load]):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(Void, match="connect"):
        send(port, 1)


def test_a_run_ends_with_its_time(send: Callable[..., Load]):
    def slowly(number: int) -> bytes:
        time.sleep(0.02)
        return ACCEPTED

    with serving(slowly) as port:
        load = send(port, 10_000, seconds=0.3)
    assert load.accepted == load.sent < 100
    assert 0.3 <= load.elapsed_s < 5


def test_at_a_rate_requests_are_sent_when_they_are_due(send: Callable[..., Load]):
    with serving(lambda n: ACCEPTED) as port:
        load = send(port, 10_000, seconds=1, rate_per_s=200)
    assert load.accepted == 200
    assert 0.99 <= load.elapsed_s < 5


def test_latency_counts_from_when_a_request_was_due_also_when_no_connection_was_free(send: Callable[..., Load]):
    """One connection, ten requests due within 10 ms, 50 ms each: the last one waits for all before it."""

    def slowly(number: int) -> bytes:
        time.sleep(0.05)
        return ACCEPTED

    with serving(slowly) as port:
        load = send(port, 10, seconds=0.01, rate_per_s=1000, connections=1)
    assert load.accepted == 10
    assert load.latency_ms[0.0] >= 50
    assert load.latency_ms[100.0] >= 10 * 50 - 9
    assert load.latency_ms[50.0] >= 5 * 50 - 9


def test_as_fast_as_it_can_latency_counts_from_the_send(send: Callable[..., Load]):
    def slowly(number: int) -> bytes:
        time.sleep(0.05)
        return ACCEPTED

    with serving(slowly) as port:
        load = send(port, 5, connections=1)
    assert 50 <= load.latency_ms[50.0] < 100


def test_percentiles_are_exact(send: Callable[..., Load]):
    """Of a hundred answers the last one is late: it alone is above the 99th."""

    def late(number: int) -> bytes:
        time.sleep(0.3 if number == 99 else 0)
        return ACCEPTED

    with serving(late) as port:
        load = send(port, 100, connections=1)
    assert load.latency_ms[100.0] >= 300
    assert load.latency_ms[99.0] < 300


def test_a_truncated_file_is_refused(tmp_path: Path):
    file = tmp_path / "requests"
    generator.write_requests(file, [REQUEST])
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(Void, match="cut off"):
        generator.send(file, 1, seconds=1)


def test_the_times_of_each_accepted_request_are_noted(tmp_path: Path):
    requests, exchanges = tmp_path / "requests", tmp_path / "exchanges"
    generator.write_requests(requests, [REQUEST] * 10)
    with serving(lambda n: REFUSED if n == 3 else ACCEPTED) as port:
        began_ns = time.monotonic_ns()
        generator.Running(requests, port, seconds=5, rate_per_s=50, connections=1, exchanges=exchanges).result()
        ended_ns = time.monotonic_ns()
    found = generator.read_exchanges(exchanges)
    assert [exchange.number for exchange in found] == [0, 1, 2, 4, 5, 6, 7, 8, 9]
    moments = [at for exchange in found for at in (exchange.sent_ns, exchange.answered_ns)]
    assert moments == sorted(moments)
    assert began_ns < moments[0]
    assert moments[-1] < ended_ns
