"""Request bodies: read whole, and never more of them in memory than is set aside."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from paylink_local.gateway import bodies
from paylink_local.gateway.bodies import BODY_BYTES_MAX, Body, Limits
from paylink_local.gateway.problems import Problem

CHUNKED = (b"transfer-encoding", b"chunked")


class Sender:
    """A client that sends a body in parts, and counts those that were taken; without `ends` it goes away."""

    def __init__(self, *parts: bytes, ends: bool = True) -> None:
        self._messages = [{"type": "http.request", "body": part, "more_body": True} for part in parts]
        last = {"type": "http.request", "body": b"", "more_body": False} if ends else {"type": "http.disconnect"}
        self._messages.append(last)
        self.taken = 0

    async def receive(self) -> Any:
        self.taken += 1
        return self._messages.pop(0)

    def body(self, *headers: tuple[bytes, bytes], limits: Limits | None = None) -> Body:
        return Body(headers, self.receive, limits or Limits())


def read(body: Body) -> bytes:
    return asyncio.run(body.read())


def refusal(body: Body) -> int:
    """Return the status with which a body is refused."""
    with pytest.raises(Problem) as raised:
        read(body)
    return raised.value.status


def test_bodies_are_read_whole() -> None:
    """In parts, with a length or without; a request that announces none has none."""
    assert read(Sender(b"ab", b"c").body((b"content-length", b"3"))) == b"abc"
    assert read(Sender(b"ab", b"c").body(CHUNKED)) == b"abc"
    assert read(Sender().body()) == b""
    assert read(Sender().body((b"content-length", b"0"))) == b""


def test_a_body_that_ends_early_is_refused() -> None:
    """The announced length, or the last chunk, never came."""
    assert refusal(Sender(b"ab", ends=False).body((b"content-length", b"3"))) == 400


def test_a_body_announced_too_large_is_not_read_at_all() -> None:
    """The answer waits for none of it."""
    sender = Sender(b"x")
    assert refusal(sender.body((b"content-length", b"%d" % (BODY_BYTES_MAX + 1)))) == 413
    assert sender.taken == 0


def test_the_size_limit_of_a_body_without_length() -> None:
    """What fits passes; one byte more is refused, and no more is read."""
    part = b"x" * (BODY_BYTES_MAX // 4)
    assert len(read(Sender(*[part] * 4).body(CHUNKED))) == BODY_BYTES_MAX
    sender = Sender(*[part] * 4, b"x", *[part] * 9)
    assert refusal(sender.body(CHUNKED)) == 413
    assert sender.taken == 5


def test_all_bodies_together_have_a_limit() -> None:
    """A body over it is to come again later, and leaves nothing behind; a released one makes room."""
    limits = Limits(10)
    first = Sender(b"x" * 6).body(CHUNKED, limits=limits)
    read(first)
    second = Sender(b"x" * 3, b"x" * 3).body(CHUNKED, limits=limits)
    assert refusal(second) == 503
    second.release()
    read(Sender(b"x" * 4).body(CHUNKED, limits=limits))
    first.release()
    first.release()
    assert read(Sender(b"x" * 6).body(CHUNKED, limits=limits)) == b"x" * 6
    assert refusal(Sender(b"x").body(CHUNKED, limits=limits)) == 503


def test_a_slow_body_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """However little of it is missing."""
    monkeypatch.setattr(bodies, "_BODY_WAIT_S", 0.05)

    async def receive() -> Any:
        await asyncio.sleep(0.02)
        return {"type": "http.request", "body": b"x", "more_body": True}

    assert refusal(Body([(b"content-length", b"1000")], receive, Limits())) == 408


def endless(taken: list[int]) -> Any:
    async def receive() -> Any:
        taken.append(BODY_BYTES_MAX)
        return {"type": "http.request", "body": b"x" * BODY_BYTES_MAX, "more_body": True}

    return receive


@pytest.mark.parametrize("headers", [[CHUNKED], [(b"content-length", b"999999999999")]])
def test_what_is_left_of_a_refused_body_is_not_taken_for_ever(headers: Sequence[tuple[bytes, bytes]]) -> None:
    """A client that sends first and reads then comes to its answer; one that never stops is left."""
    taken: list[int] = []

    async def refuse() -> None:
        body = Body(headers, endless(taken), Limits())
        with pytest.raises(Problem):
            await body.read()
        await body.discard()

    asyncio.run(refuse())
    assert 10 * BODY_BYTES_MAX < sum(taken) < 20 * BODY_BYTES_MAX
