"""Several keys, tags or messages in one call."""

import hmac
import random
import sys
import threading
from collections import namedtuple
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paycrypto import ITEMS_MAX, HmacSha256Key, InvalidSignature, Reason, verify_any, verify_hmac_sha256_batch

SECRETS = [b"secret %d" % number for number in range(4)]
KEYS = [HmacSha256Key(secret) for secret in SECRETS]
MESSAGE = b"a message"
TAGS = [hmac.digest(secret, MESSAGE, "sha256") for secret in SECRETS]


@settings(deadline=None)
@given(live=st.lists(st.integers(0, 3), max_size=5), sent=st.lists(st.integers(0, 4), max_size=5))
def test_any_is_the_first_key_that_made_a_tag(live: list[int], sent: list[int]) -> None:
    """Of every choice of keys and tags, the first key with a tag of its own is named."""
    tags = [*TAGS, bytes(32)]
    made = [index for index, key in enumerate(live) if key in sent]
    arguments = [KEYS[key] for key in live], MESSAGE, [tags[tag] for tag in sent]
    if made:
        assert verify_any(*arguments) == made[0]
    else:
        with pytest.raises(InvalidSignature, match="no_match"):
            verify_any(*arguments)


def test_any_refuses_tags_that_are_none() -> None:
    """A tag of a wrong length, or more tags than are read, are the sender's doing; more keys are ours."""
    for tags in ([TAGS[0], b""], [TAGS[0][:31]], [TAGS[0] + b"x"], [TAGS[0]] * (ITEMS_MAX + 1)):
        with pytest.raises(InvalidSignature, match="malformed"):
            verify_any(KEYS, MESSAGE, tags)
    assert verify_any([KEYS[1]] * ITEMS_MAX, MESSAGE, [TAGS[1]] * ITEMS_MAX) == 0
    with pytest.raises(ValueError, match="at most 16"):
        verify_any([KEYS[0]] * (ITEMS_MAX + 1), MESSAGE, TAGS)
    for keys in ([None], [SECRETS[0]], None, KEYS[0]):
        with pytest.raises(TypeError):
            verify_any(keys, MESSAGE, TAGS)  # type: ignore[arg-type]


def checks_of(seed: int, count: int, largest: int) -> tuple[list[tuple[HmacSha256Key, Any, Any]], list[Reason | None]]:
    """Right, wrong and malformed ones of every length and kind of buffer, and what is to be said of each."""
    generator = random.Random(seed)
    checks, expected = [], []
    for _ in range(count):
        secret = generator.randbytes(generator.randint(1, 200))
        message = generator.randbytes(generator.randrange(largest))
        tag = bytearray(hmac.digest(secret, message, "sha256"))
        reason = generator.choice([None, None, Reason.NO_MATCH, Reason.MALFORMED])
        if reason is Reason.NO_MATCH:
            tag[generator.randrange(32)] ^= 1 << generator.randrange(8)
        elif reason is Reason.MALFORMED:
            tag = bytearray(generator.choice([tag[:-1], tag + b"\0", b"", tag.hex().encode()]))
        kinds = generator.choices([bytes, bytearray, memoryview], k=2)
        checks.append((HmacSha256Key(secret), kinds[0](message), kinds[1](bytes(tag))))
        expected.append(reason)
    return checks, expected


@pytest.mark.parametrize("count", [0, 1, 2, 7, 8, 15, 16, 17, 31, 33, 100, 1000, 5000])
def test_a_batch_says_of_each_what_its_key_says(count: int) -> None:
    """Any number of checks, of mixed lengths and keys, have the outcomes that they have one by one."""
    checks, expected = checks_of(count, count, 300)
    assert verify_hmac_sha256_batch(checks) == expected
    assert verify_hmac_sha256_batch(iter(checks)) == expected  # type: ignore[arg-type]


def test_a_batch_takes_messages_of_every_length() -> None:
    """Lengths 0..600, at which lanes end at different times, and a few huge ones among the small."""
    messages = [bytes([length % 251]) * length for length in [*range(601), 1_000_000, 3, 300_000]]
    right = [(KEYS[0], message, hmac.digest(SECRETS[0], message, "sha256")) for message in messages]
    assert verify_hmac_sha256_batch(right) == [None] * len(right)
    for wrong in range(len(right)):
        changed = list(right)
        key, message, tag = changed[wrong]
        changed[wrong] = (key, message, bytes([tag[0] ^ 1]) + tag[1:])
        if wrong % 40 == 0:
            outcomes = verify_hmac_sha256_batch(changed)
            assert outcomes.pop(wrong) is Reason.NO_MATCH
            assert set(outcomes) == {None}


def test_a_batch_refuses_every_flipped_bit() -> None:
    """One changed bit of a tag, a message or a secret is found wherever it stands."""
    secret, message = b"a secret of its own", b"a message of more than one block " * 3
    tag = hmac.digest(secret, message, "sha256")

    def flips(data: bytes) -> list[bytes]:
        number = int.from_bytes(data, "big")
        return [(number ^ 1 << bit).to_bytes(len(data), "big") for bit in range(8 * len(data))]

    key = HmacSha256Key(secret)
    checks = [(key, message, flipped) for flipped in flips(tag)]
    checks += [(key, flipped, tag) for flipped in flips(message)]
    checks += [(HmacSha256Key(flipped), message, tag) for flipped in flips(secret)]
    assert verify_hmac_sha256_batch(checks) == [Reason.NO_MATCH] * len(checks)


def test_a_batch_of_anything_else_is_a_fault() -> None:
    """What is not a tuple of key, message and tag stops the whole batch, and lets go of what was held."""
    held = bytearray(MESSAGE)
    right = (KEYS[0], held, TAGS[0])
    for wrong in (
        None,
        (KEYS[0], MESSAGE),
        [KEYS[0], MESSAGE, TAGS[0]],
        (SECRETS[0], MESSAGE, TAGS[0]),
        (None, MESSAGE, TAGS[0]),
        (KEYS[0], "text", TAGS[0]),
        (KEYS[0], MESSAGE, None),
    ):
        with pytest.raises(TypeError):
            verify_hmac_sha256_batch([right, wrong, right])  # type: ignore[list-item]
    with pytest.raises(BufferError):
        verify_hmac_sha256_batch([right, (KEYS[0], memoryview(MESSAGE)[::2], TAGS[0])])
    with pytest.raises(TypeError):
        verify_hmac_sha256_batch(None)  # type: ignore[arg-type]
    held.extend(b"a held buffer would refuse to grow")


def test_a_batch_takes_named_tuples() -> None:
    """A row of a query is as good as a plain tuple."""
    row = namedtuple("row", "key body tag")
    assert verify_hmac_sha256_batch([row(KEYS[0], MESSAGE, TAGS[0])]) == [None]


def test_a_batch_of_many_bytes_lets_other_threads_run_and_change_the_list() -> None:
    """The GIL is released by the batch's bytes; what another thread does to the list meanwhile changes nothing."""
    checks = [(KEYS[0], bytes(100_000), bytes(32)) for _ in range(500)]
    started, outcomes = threading.Event(), []

    def verify() -> None:
        started.set()
        outcomes.append(verify_hmac_sha256_batch(checks))

    interval_s = sys.getswitchinterval()
    sys.setswitchinterval(60)  # so that a thread only runs when another lets go by itself
    try:
        thread = threading.Thread(target=verify)
        thread.start()
        started.wait()
        ran_meanwhile = not outcomes
        checks.clear()
    finally:
        sys.setswitchinterval(interval_s)
    thread.join()
    assert ran_meanwhile
    assert outcomes == [[Reason.NO_MATCH] * 500]


def test_batches_run_in_many_threads() -> None:
    """Eight threads with batches above and below the size that releases the GIL get their own outcomes."""

    def work(seed: int) -> None:
        for round_ in range(3):
            checks, expected = checks_of(seed * 100 + round_, 60, 400 if round_ % 2 else 20_000)
            assert verify_hmac_sha256_batch(checks) == expected

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
