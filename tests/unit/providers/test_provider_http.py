"""The HTTP client that adapters use: what a failure did, and no call without an end."""

import socket
import threading
import time

import pytest

from paylink.providers.http import ANSWER_SIZE_MAX, NO_TIME_LEFT, ProviderHttp, calls_end_by
from paylink.providers.port import Effect, ErrorKind, ProviderError
from support.provider_case import answering


def failure(address: str, method: str = "POST") -> ProviderError:
    with pytest.raises(ProviderError) as caught:
        ProviderHttp(address, read_timeout_s=0.5).send(
            method, "/", headers={}, body="x=1" if method == "POST" else None
        )
    assert caught.value.kind is ErrorKind.UNAVAILABLE
    return caught.value


def test_an_answer_is_given_back_with_its_json():
    with answering(b'{"a": 1}', status=402) as address:
        answer = ProviderHttp(address).send("GET", "/", headers={})
    assert (answer.status, answer.body, answer.headers["content-type"]) == (402, {"a": 1}, "application/json")


@pytest.mark.parametrize("address", ["http://127.0.0.1:9", "http://nowhere.invalid"])
def test_what_never_left_did_nothing(address: str):
    error = failure(address)
    assert (error.effect, error.sent) == (Effect.NOTHING, False)


@pytest.mark.parametrize(("method", "effect"), [("POST", Effect.UNKNOWN), ("GET", Effect.NOTHING)])
def test_silence_after_sending_is_unknown_for_what_changes_things(method: str, effect: Effect):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        started = time.monotonic()
        error = failure(f"http://127.0.0.1:{silent.getsockname()[1]}", method)
    assert (error.effect, error.sent) == (effect, True)
    assert time.monotonic() - started < 2


def test_an_answer_that_trickles_is_given_up():
    with answering(b"{" + b" " * 100, pause_s=0.1) as address:
        started = time.monotonic()
        assert failure(address).effect is Effect.UNKNOWN
        assert time.monotonic() - started < 3


def test_an_endless_answer_is_given_up():
    with answering(b" " * (ANSWER_SIZE_MAX + 1)) as address:
        assert failure(address).effect is Effect.UNKNOWN


def test_a_failure_never_shows_the_address():
    error = failure("http://user:hunter2@127.0.0.1:9/secret")
    assert "hunter2" not in str(error)
    assert "hunter2" not in repr(error)


def test_a_server_that_speaks_no_tls_was_told_nothing():
    with answering(b"{}") as address:
        error = failure(address.replace("http://", "https://"))
    assert (error.effect, error.sent) == (Effect.NOTHING, False)


def test_a_handshake_that_never_ends_told_nothing():
    """However long it may take to notice: no byte of the request had left."""
    with socket.create_server(("127.0.0.1", 0)) as silent, calls_end_by(time.monotonic() + 0.6):
        error = failure(f"https://127.0.0.1:{silent.getsockname()[1]}")
    assert (error.effect, error.sent) == (Effect.NOTHING, False)


def test_a_connection_that_the_server_closes_on_a_request_may_have_done_something():
    with socket.create_server(("127.0.0.1", 0)) as server:
        closing = threading.Thread(target=lambda: server.accept()[0].close())
        closing.start()
        error = failure(f"http://127.0.0.1:{server.getsockname()[1]}")
        closing.join()
    assert (error.effect, error.sent) == (Effect.UNKNOWN, True)


def test_a_call_ends_by_the_moment_it_is_given():
    with socket.create_server(("127.0.0.1", 0)) as silent, calls_end_by(time.monotonic() + 0.2):
        started = time.monotonic()
        with pytest.raises(ProviderError) as caught:
            ProviderHttp(f"http://127.0.0.1:{silent.getsockname()[1]}").send("POST", "/", headers={}, body="")
    assert (caught.value.effect, time.monotonic() - started < 1) == (Effect.UNKNOWN, True)


def test_after_that_moment_nothing_is_sent():
    with answering(b"{}") as address, calls_end_by(time.monotonic() - 1):
        error = failure(address)
    assert (error.code, error.effect, error.sent) == (NO_TIME_LEFT, Effect.NOTHING, False)
