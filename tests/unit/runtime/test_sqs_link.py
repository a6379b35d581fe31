"""Our calls of SQS: what is sent, and what comes of an answer, of none, and of a connection that died idle."""

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from paylink.runtime.sqs_link import SqsFailed, SqsLink
from support.serving import saying

Answer = bytes | None


def http(body: Any, status: str = "200 OK") -> bytes:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(raw)}\r\n\r\n".encode() + raw


@contextmanager
def serving(*connections: list[Answer]) -> Iterator[tuple[str, list[bytes]]]:
    """Take connections one after the other, and answer the requests of each; None: say nothing. Then close it."""
    requests: list[bytes] = []
    quiet = threading.Event()

    def serve(server: socket.socket) -> None:
        for answers in connections:
            client, _ = server.accept()
            with client:
                for answer in answers:
                    request = received(client)
                    if not request:
                        break
                    requests.append(request)
                    if answer is None:
                        quiet.wait(5)
                    else:
                        client.sendall(answer)

    def received(client: socket.socket) -> bytes:
        request = b""
        while b"\r\n\r\n" not in request:
            chunk = client.recv(65536)
            if not chunk:
                return b""
            request += chunk
        head, _, body = request.partition(b"\r\n\r\n")
        size = next(int(line.split(b":")[1]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-len"))
        while len(body) < size:
            body += client.recv(65536)
        return head + b"\r\n\r\n" + body

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=serve, args=(server,), daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}", requests
        quiet.set()
        thread.join(5)


@pytest.fixture
def link_to(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], SqsLink]:
    def make(address: str) -> SqsLink:
        monkeypatch.setenv("AWS_ENDPOINT_URL_SQS", address)
        monkeypatch.setenv("AWS_REGION", "ap-southeast-3")
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hidden")
        monkeypatch.delenv("AWS_SESSION_TOKEN", raising=False)
        return SqsLink(timeout_s=0.3)

    return make


def test_a_call_is_a_signed_post_of_its_parameters(link_to: Callable[[str], SqsLink]):
    with serving([http({"Successful": []})]) as (address, requests):
        assert link_to(address).call("SendMessageBatch", {"QueueUrl": "q"}) == {"Successful": []}
    head, _, body = requests[0].partition(b"\r\n\r\n")
    assert head.startswith(b"POST / HTTP/1.1\r\n")
    assert b"x-amz-target: AmazonSQS.SendMessageBatch" in head
    assert b"authorization: AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/" in head
    assert head.lower().count(b"host:") == 1
    assert json.loads(body) == {"QueueUrl": "q"}


def test_a_connection_is_kept(link_to: Callable[[str], SqsLink]):
    with serving([http({"n": 1}), http({"n": 2})]) as (address, _):
        link = link_to(address)
        assert [link.call("X", {})["n"] for _ in range(2)] == [1, 2]


def test_a_connection_that_died_idle_is_replaced(link_to: Callable[[str], SqsLink]):
    with serving([http({"n": 1})], [http({"n": 2})]) as (address, _):
        link = link_to(address)
        assert [link.call("X", {})["n"] for _ in range(2)] == [1, 2]


def test_a_new_connection_that_dies_is_not(link_to: Callable[[str], SqsLink]):
    """Else a call that kills the server would be repeated for ever."""
    with serving([b""]) as (address, requests):
        with pytest.raises(SqsFailed, match="NoAnswer"):
            link_to(address).call("X", {})
        assert len(requests) == 1


def test_an_answer_may_come_in_pieces_and_after_another_on_its_way(link_to: Callable[[str], SqsLink]):
    chunked = b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n{"n\r\n5\r\n": 1}\r\n0\r\n\r\n'
    with serving([b"HTTP/1.1 100 Continue\r\n\r\n" + chunked, http({"n": 2})]) as (address, _):
        link = link_to(address)
        assert [link.call("X", {})["n"] for _ in range(2)] == [1, 2]


def test_a_connection_that_the_server_will_close_is_not_kept(link_to: Callable[[str], SqsLink]):
    closing = http({"n": 1}).replace(b"\r\n", b"\r\nConnection: close\r\n", 1)
    with serving([closing, http({"n": 7})], [http({"n": 2})]) as (address, _):
        link = link_to(address)
        assert [link.call("X", {})["n"] for _ in range(2)] == [1, 2]


@pytest.mark.parametrize(
    ("answer", "named"),
    [
        (b"SSH-2.0-OpenSSH_9\r\n", "BadAnswer"),
        (http({"n": 1}) + http({"n": 2}), "BadAnswer"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9000000\r\n\r\n" + b" " * 9_000_000, "BadAnswer"),
        (b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n", "BadAnswer"),
        (http({"n": 1})[:-1], "ConnectionError"),
        (b"HTTP/1.1 200 OK\r\n\r\n{}", "ConnectionError"),
    ],
    ids=["other-protocol", "two-answers", "too-long", "upgrade", "cut-off", "no-length"],
)
def test_what_is_no_whole_answer_is_a_failure(link_to: Callable[[str], SqsLink], answer: bytes, named: str):
    with serving([answer]) as (address, _), pytest.raises(SqsFailed, match=f"^{named}$"):
        link_to(address).call("X", {})


@pytest.mark.parametrize(
    ("head", "drop"),
    [(b"HTTP/1.1 200 OK\r\n", b"x: y\r\n"), (b"HTTP/1.1 200 OK\r\nContent-Length: 60000\r\n\r\n", b" ")],
    ids=["head", "body"],
)
def test_an_answer_that_trickles_is_not_waited_for(link_to: Callable[[str], SqsLink], head: bytes, drop: bytes):
    """On Lambda a webhook's answer waits for it, and a provider for that."""
    with saying(head, *[drop] * 100, every_s=0.05) as address:
        began_s = time.monotonic()
        with pytest.raises(SqsFailed, match="TimeoutError"):
            link_to(address).call("X", {})
    assert time.monotonic() - began_s < 1


def test_who_says_nothing_is_not_waited_for(link_to: Callable[[str], SqsLink]):
    with serving([None]) as (address, _), pytest.raises(SqsFailed, match="TimeoutError"):
        link_to(address).call("X", {})


def test_an_error_is_named_and_nothing_else_of_it(link_to: Callable[[str], SqsLink]):
    refused = {"__type": "com.amazonaws.sqs#QueueDoesNotExist", "message": "no such queue: hidden"}
    with serving([http(refused, "400 Bad Request")]) as (address, _), pytest.raises(SqsFailed) as failed:
        link_to(address).call("X", {})
    assert str(failed.value) == "400 QueueDoesNotExist"


@pytest.mark.parametrize("body", [b"<html>", b"[]", b"\xff"])
def test_what_is_no_answer_of_sqs_is_a_failure(link_to: Callable[[str], SqsLink], body: bytes):
    with serving([http(body)]) as (address, _), pytest.raises(SqsFailed):
        link_to(address).call("X", {})


def test_settings_that_are_missing_are_named(link_to: Callable[[str], SqsLink], monkeypatch: pytest.MonkeyPatch):
    link = link_to("http://127.0.0.1:9")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(SqsFailed, match="AWS_SECRET_ACCESS_KEY is not set"):
        link.call("X", {})


@pytest.mark.parametrize(
    ("region", "host"),
    [("eu-west-1", "sqs.eu-west-1.amazonaws.com"), ("cn-north-1", "sqs.cn-north-1.amazonaws.com.cn")],
)
def test_the_address_is_that_of_the_region(
    link_to: Callable[[str], SqsLink], monkeypatch: pytest.MonkeyPatch, region: str, host: str
):
    link = link_to("")
    monkeypatch.setenv("AWS_REGION", region)
    assert link._endpoint == ("https", host)
