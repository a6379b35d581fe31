"""HmacSha256Key: the same tags as the standard library, and a secret that does not get out."""

import copy
import hmac
import pickle
import random
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from paycrypto import HmacSha256Key, InvalidSignature

SECRET = b"whsec_test_0123456789abcdef0123456789abcdef"
KEY = HmacSha256Key(SECRET)


def flipped(data: bytes, bit: int) -> bytes:
    changed = bytearray(data)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


def test_agrees_with_the_standard_library_at_every_length() -> None:
    """Messages and secrets of 0..600 bytes, so across every padding and block border, give the tag of `hmac`."""
    random_bytes = random.Random(4231).randbytes
    for length in range(601):
        message, secret = random_bytes(length), random_bytes(length or 1)
        key = HmacSha256Key(secret)
        tag = hmac.digest(secret, message, "sha256")
        assert key.sign(message) == tag, length
        key.verify(message, tag)


@pytest.mark.parametrize("length", [256 * 1024 - 1, 256 * 1024, 3_000_000])
def test_agrees_when_the_message_is_large(length: int) -> None:
    """The tag is the same on both sides of the size from which the GIL is released."""
    message = random.Random(length).randbytes(length)
    KEY.verify(message, hmac.digest(SECRET, message, "sha256"))


def test_refuses_every_flipped_bit() -> None:
    """One changed bit of tag, message or secret is no match."""
    message = b"a message of more than one block: " + b"x" * 64
    tag = KEY.sign(message)
    for bit in range(8 * len(tag)):
        with pytest.raises(InvalidSignature, match="no_match"):
            KEY.verify(message, flipped(tag, bit))
    for bit in range(8 * len(message)):
        with pytest.raises(InvalidSignature, match="no_match"):
            KEY.verify(flipped(message, bit), tag)
    for bit in range(8 * len(SECRET)):
        with pytest.raises(InvalidSignature, match="no_match"):
            HmacSha256Key(flipped(SECRET, bit)).verify(message, tag)


@pytest.mark.parametrize("length", [0, 1, 16, 31, 33, 64])
def test_refuses_a_tag_of_another_length(length: int) -> None:
    """A truncated or extended tag is malformed, even where it begins like the right one."""
    tag = (KEY.sign(b"message") * 2)[:length]
    with pytest.raises(InvalidSignature, match="malformed"):
        KEY.verify(b"message", tag)


@pytest.mark.parametrize("kind", [bytearray, memoryview, lambda data: memoryview(b"__" + data)[2:]])
def test_takes_any_contiguous_buffer(kind: Callable[[bytes], bytes | bytearray | memoryview]) -> None:
    """A bytearray or memoryview counts as its bytes, and is let go of afterwards."""
    message = kind(b"message")
    KEY.verify(message, kind(KEY.sign(b"message")))
    with pytest.raises(InvalidSignature, match="malformed"):
        KEY.verify(message, kind(b""))
    if isinstance(message, bytearray):
        message.extend(b"a held buffer would refuse to grow")


def test_refuses_wrong_types() -> None:
    """Text and views with gaps are faults of the caller, not bad signatures."""
    with pytest.raises(TypeError):
        KEY.verify("message", KEY.sign(b"message"))  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        KEY.verify(b"message", None)  # type: ignore[arg-type]
    with pytest.raises(BufferError):
        KEY.sign(memoryview(b"message")[::2])
    with pytest.raises(TypeError):
        HmacSha256Key("secret")  # type: ignore[arg-type]


@pytest.mark.parametrize("length", [0, 4097])
def test_refuses_an_empty_or_huge_secret(length: int) -> None:
    """A secret has 1 to 4096 bytes; an empty one would let anyone sign."""
    with pytest.raises(ValueError, match="1 to 4096 bytes"):
        HmacSha256Key(b"s" * length)


def test_the_secret_stays_inside() -> None:
    """A key can be neither printed, pickled nor copied, and has no attribute to read."""
    assert repr(KEY) == str(KEY) == "<HmacSha256Key ***>"
    for leak in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match="holds a secret"):
            leak(KEY)
    assert not hasattr(KEY, "__dict__")
    assert [name for name in dir(KEY) if not name.startswith("_")] == ["sign", "verify"]


def test_one_key_serves_many_threads() -> None:
    """Threads that share a key, with and without the GIL, disturb each other in no way."""

    def work(seed: int) -> None:
        random_bytes = random.Random(seed).randbytes
        for length in (10, 1000, 300_000) * 10:
            message = random_bytes(length)
            KEY.verify(message, hmac.digest(SECRET, message, "sha256"))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))


@pytest.mark.parametrize(("length", "others_run"), [(64 * 1024, False), (64 * 1024 * 1024, True)])
def test_only_large_messages_let_other_threads_run(length: int, others_run: bool) -> None:
    """The GIL is kept for a webhook's size, where giving it up may cost 5 ms, and released for long hashing."""
    message, started, finished = bytes(length), threading.Event(), []

    def hash_once() -> None:
        started.set()
        KEY.sign(message)
        finished.append(True)

    interval_s = sys.getswitchinterval()
    sys.setswitchinterval(60)  # so that a thread only runs when another lets go by itself
    try:
        thread = threading.Thread(target=hash_once)
        thread.start()
        started.wait()
        ran_meanwhile = not finished
    finally:
        sys.setswitchinterval(interval_s)
    thread.join()
    assert ran_meanwhile is others_run
