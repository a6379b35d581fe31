"""Streams: the tag of the pieces is that of the whole, once."""

import hmac
import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paycrypto import HmacSha256Key, HmacSha256Stream, HmacSha512Key, HmacSha512Stream, InvalidSignature

SECRET = b"whsec_stream"
KEYS = (HmacSha256Key(SECRET), HmacSha512Key(SECRET))
of_both_hashes = pytest.mark.parametrize(("key", "name"), [(KEYS[0], "sha256"), (KEYS[1], "sha512")])


@of_both_hashes
@settings(deadline=None)
@given(pieces=st.lists(st.binary(max_size=300), max_size=20))
def test_the_pieces_give_the_tag_of_the_whole(
    key: HmacSha256Key | HmacSha512Key, name: str, pieces: list[bytes]
) -> None:
    """However a message is cut, empty pieces and none among it, its tag is that of the standard library."""
    tag = hmac.digest(SECRET, b"".join(pieces), name)
    signer, verifier, refuser = key.stream(), key.stream(), key.stream()
    for piece in pieces:
        signer.update(piece)
        verifier.update(memoryview(piece))
        refuser.update(bytearray(piece))
    refuser.update(b"x")
    assert signer.sign() == tag
    verifier.verify(tag)
    with pytest.raises(InvalidSignature, match="no_match"):
        refuser.verify(tag)


@of_both_hashes
def test_large_pieces_are_hashed_without_the_gil(key: HmacSha256Key | HmacSha512Key, name: str) -> None:
    """Pieces on both sides of the size from which the GIL is released give one tag."""
    stream = key.stream()
    for size in (10, 300_000, 1, 256 * 1024, 256 * 1024 - 1):
        stream.update(bytes(size))
    assert stream.sign() == hmac.digest(SECRET, bytes(10 + 300_000 + 1 + 2 * 256 * 1024 - 1), name)


@of_both_hashes
@pytest.mark.parametrize("end", ["sign", "verify right", "verify wrong", "verify malformed"])
def test_an_ended_stream_does_nothing_more(key: HmacSha256Key | HmacSha512Key, name: str, end: str) -> None:
    """Whatever the end said, a wrong tag not the least, the stream gives no second answer."""
    stream, tag = key.stream(), key.sign(b"")
    if end == "sign":
        stream.sign()
    elif end == "verify right":
        stream.verify(tag)
    else:
        with pytest.raises(InvalidSignature, match="no_match" if end == "verify wrong" else "malformed"):
            stream.verify(bytes(len(tag)) if end == "verify wrong" else b"")
    for call in (stream.sign, lambda: stream.verify(tag), lambda: stream.update(b"x")):
        with pytest.raises(ValueError, match="has ended"):
            call()


def test_a_fault_of_the_caller_does_not_end_it() -> None:
    """After a TypeError the stream goes on as if nothing had been."""
    stream = KEYS[0].stream()
    stream.update(b"mess")
    for call in (stream.update, stream.verify):
        with pytest.raises(TypeError):
            call("text")  # type: ignore[arg-type]
        with pytest.raises(BufferError):
            call(memoryview(b"text")[::2])
    stream.update(b"age")
    stream.verify(KEYS[0].sign(b"message"))


def test_streams_of_one_key_are_their_own() -> None:
    """Two streams and the key they come from do not touch each other, and outlive it."""
    key = HmacSha256Key(SECRET)
    first, second = key.stream(), key.stream()
    first.update(b"first")
    second.update(b"second")
    assert key.sign(b"third") == KEYS[0].sign(b"third")
    del key
    assert (second.sign(), first.sign()) == (KEYS[0].sign(b"second"), KEYS[0].sign(b"first"))


def test_a_stream_comes_from_a_key_of_its_hash() -> None:
    """There is no stream without a key."""
    for kind, other in ((HmacSha256Stream, KEYS[1]), (HmacSha512Stream, KEYS[0])):
        for wrong in (other, None, SECRET):
            with pytest.raises(TypeError):
                kind(wrong)  # type: ignore[arg-type]


def test_a_second_thread_is_kept_out() -> None:
    """While one thread hashes without the GIL, another gets a RuntimeError instead of breaking the state."""
    stream, piece, done = KEYS[0].stream(), bytes(128 * 1024 * 1024), threading.Event()

    def hash_long() -> None:
        stream.update(piece)
        done.set()

    thread = threading.Thread(target=hash_long)
    thread.start()

    def knock() -> None:
        while not done.is_set():
            stream.update(b"")

    with pytest.raises(RuntimeError, match="another thread is using the stream"):
        knock()
    for call in (stream.sign, lambda: stream.verify(b"")):
        with pytest.raises(RuntimeError, match="another thread is using the stream"):
            call()
    thread.join()
    assert stream.sign() == KEYS[0].sign(piece)
