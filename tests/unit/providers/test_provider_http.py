"""The HTTP client that adapters use: what a failure did, and no call without an end."""

import socket
import time

import pytest

from paylink.providers.http import ANSWER_SIZE_MAX, ProviderHttp
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
