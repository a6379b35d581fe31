"""HMAC keys: the same tags as the standard library, and a secret that does not get out."""

import copy
import hmac
import pickle
import random
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from paycrypto import HmacSha256Key, HmacSha512Key, InvalidSignature, encode_base64

SECRET = b"whsec_test_0123456789abcdef0123456789abcdef"
KEY = HmacSha256Key(SECRET)
HmacKey = HmacSha256Key | HmacSha512Key

of_both_hashes = pytest.mark.parametrize(
    ("kind", "name"), [(HmacSha256Key, "sha256"), (HmacSha512Key, "sha512")], ids=["sha256", "sha512"]
)


@of_both_hashes
def test_agrees_with_the_standard_library_at_every_length(kind: type[HmacKey], name: str) -> None:
    """Messages and secrets of 0..600 bytes, so across every padding and block border, give the tag of `hmac`."""
    random_bytes = random.Random(4231).randbytes
    for length in range(601):
        message, secret = random_bytes(length), random_bytes(length or 1)
        key = kind(secret)
        tag = hmac.digest(secret, message, name)
        assert key.sign(message) == tag, length
        key.verify(message, tag)
        key.verify_hex(message, tag.hex())
        key.verify_base64(message, encode_base64(tag))


@of_both_hashes
def test_agrees_with_the_standard_library_on_random_lengths(kind: type[HmacKey], name: str) -> None:
    """So do random messages and secrets up to the largest secret, and the sizes where the GIL begins to be released."""
    generator = random.Random(name)
    lengths = [generator.randrange(100_000) for _ in range(200)]
    for length in [*lengths, 256 * 1024 - 1, 256 * 1024, 3_000_000]:
        message, secret = generator.randbytes(length), generator.randbytes(generator.randint(1, 4096))
        tag = hmac.digest(secret, message, name)
        key = kind(secret)
        assert key.sign(message) == tag, length
        key.verify(message, tag)


@of_both_hashes
def test_refuses_a_tag_of_another_length(kind: type[HmacKey], name: str) -> None:
    """A truncated or extended tag is malformed, even where it begins like the right one."""
    key = kind(SECRET)
    tag = key.sign(b"message")
    for length in {*range(130)} - {len(tag)}:
        with pytest.raises(InvalidSignature, match="malformed"):
            key.verify(b"message", (tag * 3)[:length])


@of_both_hashes
def test_reads_only_canonical_text(kind: type[HmacKey], name: str) -> None:
    """Another spelling of the right tag is malformed, as it would be another tag to whoever compares text."""
    key = kind(SECRET)
    tag = key.sign(b"message")
    for text in (tag.hex().upper(), "0x" + tag.hex(), tag.hex(" "), tag.hex() + "\n", tag.hex()[:-1], "", tag):
        with pytest.raises(InvalidSignature, match="malformed"):
            key.verify_hex(b"message", text)
    base64 = encode_base64(tag)
    last = base64.rstrip("=")[-1]
    unused_bit_set = base64.rstrip("=")[:-1] + chr(ord(last) + 1) + "=" * base64.count("=")
    for text in (base64.rstrip("="), base64 + "=", base64 + "\n", " " + base64, unused_bit_set, "", tag):
        with pytest.raises(InvalidSignature, match="malformed"):
            key.verify_base64(b"message", text)


@of_both_hashes
@pytest.mark.parametrize("length", [0, 4097])
def test_refuses_an_empty_or_huge_secret(kind: type[HmacKey], name: str, length: int) -> None:
    """A secret has 1 to 4096 bytes; an empty one would let anyone sign."""
    with pytest.raises(ValueError, match="1 to 4096 bytes"):
        kind(b"s" * length)


@of_both_hashes
@pytest.mark.parametrize("made", [lambda key: key, lambda key: key.stream()], ids=["key", "stream"])
def test_the_secret_stays_inside(kind: type[HmacKey], name: str, made: Callable[[HmacKey], object]) -> None:
    """A key or stream can be neither printed, pickled nor copied, and has no attribute to read."""
    holder = made(kind(SECRET))
    assert repr(holder) == str(holder) == f"<{type(holder).__name__} ***>"
    for leak in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match="holds a secret"):
            leak(holder)
    assert not hasattr(holder, "__dict__")
    with pytest.raises(TypeError):
        memoryview(holder)  # type: ignore[arg-type]
    methods = {"sign", "verify", "verify_hex", "verify_base64", "stream", "update"}
    assert {name for name in dir(holder) if not name.startswith("_")} <= methods


def test_a_key_cannot_be_left_empty_or_made_anew() -> None:
    """There is no key without a secret, nor any way to put another one into it."""
    for kind in (HmacSha256Key, HmacSha512Key):
        with pytest.raises(TypeError):
            kind.__new__(kind)  # type: ignore[call-arg, arg-type]
        with pytest.raises(TypeError, match="not an acceptable base type"):
            type("Other", (kind,), {})
    tag = KEY.sign(b"message")
    with pytest.raises(InvalidSignature):
        HmacSha256Key(b"other").verify(b"message", tag)
    KEY.verify(b"message", tag)


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
