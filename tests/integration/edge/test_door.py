"""The way in: who is let in, for how long a key is remembered, and how little a guesser costs."""

import secrets
from collections.abc import Callable
from dataclasses import replace

import pytest

from paylink.core.errors import TooManyBadKeys, Unauthenticated
from paylink.edge.api_keys import Caller
from paylink.edge.door import Door
from paylink.edge.limits import Limit
from paylink.edge.rate_limit import RateLimiter
from support.stack import Stack


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def reads(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The keys that were read from the database."""
    made: list[str] = []
    authenticate = stack.deps.api_keys.authenticate

    def noting(authorization: str | None) -> Caller:
        made.append(authorization or "")
        return authenticate(authorization)

    monkeypatch.setattr(stack.deps.api_keys, "authenticate", noting)
    return made


@pytest.fixture
def enter(stack: Stack, clock: Clock, reads: list[str]) -> Callable[..., Caller]:
    """Come to a door that remembers keys for 3 s and lets an address send three wrong ones."""
    limiter = RateLimiter(stack.deps.buckets, Limit(100, 100), Limit(100, 100))
    door = Door(stack.deps.api_keys, stack.deps.buckets, limiter, Limit(0.001, 3), 3.0, clock)
    address = f"198.51.100.{secrets.token_hex(4)}"

    def come(key: str, source: str = address) -> Caller:
        return door.authenticate(f"Bearer {key}", lambda: source)

    return come


@pytest.fixture
def good(stack: Stack) -> str:
    return stack.environ["PAYLINK_DEMO_MERCHANT_KEY"]


def wrong() -> str:
    return f"plm_{secrets.token_hex(6)}_{secrets.token_hex(20)}"


def test_a_key_is_read_once_and_remembered(enter: Callable[..., Caller], good: str, reads: list[str]):
    assert len({enter(good) for _ in range(50)}) == 1
    assert len(reads) == 1


def test_a_revoked_key_is_refused_three_seconds_later(
    stack: Stack, enter: Callable[..., Caller], good: str, clock: Clock
):
    enter(good)
    stack.rows("update api_keys set revoked_at = now()")
    clock.now += 2.99
    enter(good)
    clock.now += 0.01
    for _ in range(2):
        with pytest.raises(Unauthenticated):
            enter(good)


def test_a_scope_that_was_taken_away_is_gone_three_seconds_later(
    stack: Stack, enter: Callable[..., Caller], good: str, clock: Clock
):
    enter(good)
    stack.rows("update api_keys set scopes = '{}'")
    clock.now += 3
    assert enter(good).scopes == frozenset()


def test_a_guesser_is_turned_away_without_a_look_at_the_database(enter: Callable[..., Caller], reads: list[str]):
    told = []
    for _ in range(20):
        with pytest.raises((Unauthenticated, TooManyBadKeys)) as refused:
            enter(wrong())
        told.append(refused.value.status)
    assert told == [401] * 3 + [429] * 17
    assert len(reads) == 3


def test_a_guesser_of_one_known_keys_secret_is_turned_away_alike(
    enter: Callable[..., Caller], good: str, reads: list[str]
):
    enter(good)
    for _ in range(10):
        with pytest.raises((Unauthenticated, TooManyBadKeys)):
            enter(good[:17] + secrets.token_hex(20))
    assert len(reads) == 1 + 3


def test_the_neighbours_of_a_guesser_go_on(enter: Callable[..., Caller], good: str, clock: Clock):
    """A key that was right before is looked up whoever else sends from its address."""
    enter(good)
    for _ in range(10):
        with pytest.raises((Unauthenticated, TooManyBadKeys)):
            enter(wrong())
    clock.now += 1000
    enter(good)
    with pytest.raises(TooManyBadKeys) as refused:
        enter(wrong())
    assert refused.value.retry_after_s is not None
    enter(good, "203.0.113.1")


def test_one_ipv6_network_is_one_address(enter: Callable[..., Caller]):
    network = secrets.token_hex(2)
    for number in range(3):
        with pytest.raises(Unauthenticated):
            enter(wrong(), f"2001:db8:{network}::{number}")
    with pytest.raises(TooManyBadKeys):
        enter(wrong(), f"2001:db8:{network}::ffff")


def test_what_is_no_key_at_all_is_no_guess(enter: Callable[..., Caller]):
    for text in ["", "x", "plm_short", "Bearer"] * 5:
        with pytest.raises(Unauthenticated):
            enter(text)
    with pytest.raises(Unauthenticated):
        enter(wrong())


def test_over_http_a_guesser_is_told_when_to_come_back(stack: Stack):
    few = replace(stack.deps.settings, bad_key_limit=Limit(0.1, 2))
    stack.deps.__dict__["settings"] = few
    answers = [stack.call("GET", "/v1/tx", headers={"Authorization": f"Bearer {wrong()}"}) for _ in range(4)]
    assert [answer.status for answer in answers] == [401, 401, 429, 429]
    assert answers[-1].problem == "too-many-bad-keys"
    assert 1 <= int(answers[-1].headers["Retry-After"]) <= 10
    assert "RateLimit" not in answers[-1].headers
