"""Digests, the digest over joined parts, static tokens, and the constant-time comparison."""

import hashlib
import random
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typing_extensions import Buffer

from paycrypto import ITEMS_MAX, InvalidSignature, Reason, equal, sha256, sha512, verify_sha512_concat, verify_token

PARTS = (b"PL-20260101-0001", b"200", b"150000.00", b"SB-Mid-server-TESTKEY0123456789")
DIGEST = hashlib.sha512(b"".join(PARTS)).hexdigest()
TOKEN = b"xnd_cb_test_9f8e7d6c5b4a"


@pytest.mark.parametrize("digest", [sha256, sha512])
def test_digest_agrees_with_the_standard_library_at_every_length(digest: Callable[[Buffer], bytes]) -> None:
    """Data of 0..600 bytes, and past the size from which the GIL is released, gives the digest of `hashlib`."""
    random_bytes = random.Random(512).randbytes
    for length in [*range(601), 256 * 1024 - 1, 256 * 1024, 1_000_003]:
        data = random_bytes(length)
        assert digest(data) == hashlib.new(digest.__name__, data).digest(), length
        assert digest(memoryview(data)) == digest(bytearray(data)) == digest(data)


@settings(deadline=None)
@given(parts=st.lists(st.binary(min_size=1), min_size=1, max_size=ITEMS_MAX))
def test_concat_accepts_what_the_standard_library_computes(parts: list[bytes]) -> None:
    """Any parts are accepted with the digest of their join, as str and as bytes."""
    digest = hashlib.sha512(b"".join(parts)).hexdigest()
    verify_sha512_concat(parts, digest)
    verify_sha512_concat(tuple(parts), digest.encode())


@settings(deadline=None)
@given(junk=st.one_of(st.text(), st.binary(), st.text("0123456789abcdefABCDEFé\ud800", min_size=127, max_size=129)))
def test_concat_refuses_junk_and_raises_nothing_else(junk: str | bytes) -> None:
    """No digest, of any length or characters, raises anything but InvalidSignature."""
    with pytest.raises(InvalidSignature):
        verify_sha512_concat(PARTS, junk)


@settings(deadline=None)
@given(received=st.one_of(st.text(), st.binary()), live=st.lists(st.binary(), max_size=ITEMS_MAX))
def test_token_agrees_with_a_plain_comparison(received: str | bytes, live: list[bytes]) -> None:
    """A token matches the first equal one; an empty one never matches."""
    octets = received.encode() if isinstance(received, str) else received
    for expected in (live, [*live[: ITEMS_MAX - 1], octets]):
        if octets and octets in expected:
            assert verify_token(received, expected) == expected.index(octets)
        else:
            with pytest.raises(InvalidSignature) as refused:
                verify_token(received, expected)
            assert refused.value.reason == (Reason.NO_MATCH if octets else Reason.MALFORMED)


def test_concat_releases_the_gil_for_large_parts() -> None:
    """Parts above the size from which the GIL is released get the same verdict."""
    parts = [b"a" * 200_000, b"b" * 200_000]
    verify_sha512_concat(parts, hashlib.sha512(b"".join(parts)).hexdigest())
    with pytest.raises(InvalidSignature, match="no_match"):
        verify_sha512_concat(parts[::-1], hashlib.sha512(b"".join(parts)).hexdigest())


@pytest.mark.parametrize("sequence", [list, tuple, iter, lambda items: type("Kind", (list,), {})(items)])
def test_items_may_come_in_any_sequence(sequence: Callable[[list[bytes]], Any]) -> None:
    """Lists and tuples are read in place, anything else that gives items is read out."""
    assert verify_token(TOKEN, sequence([b"old", TOKEN])) == 1
    with pytest.raises(ValueError, match="at most 16"):
        verify_token(TOKEN, sequence([TOKEN] * (ITEMS_MAX + 1)))
    with pytest.raises(TypeError, match="expected bytes, not str"):
        verify_token(TOKEN, sequence([b"old", "text"]))  # type: ignore[list-item]


def test_items_that_fail_while_they_are_read_raise_their_own_error() -> None:
    """An iterator that breaks is the caller's, and its exception comes through."""

    def broken() -> Iterator[bytes]:
        yield TOKEN
        raise LookupError("no more")

    with pytest.raises(LookupError, match="no more"):
        verify_token(TOKEN, broken())  # type: ignore[arg-type]


def test_token_refuses_a_lone_surrogate_as_any_other_text() -> None:
    """Text that has no UTF-8 is hostile input, not a UnicodeEncodeError."""
    with pytest.raises(InvalidSignature, match="no_match"):
        verify_token("\udc80", [TOKEN])


def test_limits_and_types_are_the_callers_fault() -> None:
    """Too many items are a ValueError, and text among secrets a TypeError."""
    with pytest.raises(ValueError, match="at most 16"):
        verify_token(TOKEN, [TOKEN] * (ITEMS_MAX + 1))
    with pytest.raises(ValueError, match="at most 16"):
        verify_sha512_concat([b"x"] * (ITEMS_MAX + 1), DIGEST)
    with pytest.raises(TypeError):
        verify_token(TOKEN, [TOKEN.decode()])  # type: ignore[list-item]
    with pytest.raises(TypeError):
        verify_token(TOKEN, TOKEN[:8])  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        verify_sha512_concat([None], DIGEST)  # type: ignore[list-item]
    with pytest.raises(TypeError):
        verify_sha512_concat(PARTS, None)  # type: ignore[arg-type]


@settings(deadline=None)
@given(left=st.binary(max_size=70), right=st.binary(max_size=70))
def test_equal_is_equality(left: bytes, right: bytes) -> None:
    """The constant-time comparison says what `==` says, for any buffers."""
    assert equal(left, right) is (left == right)
    assert equal(left, bytearray(left)) is True
    assert equal(memoryview(left + b"x"), memoryview(left)) is False


def test_equal_finds_one_flipped_bit_anywhere() -> None:
    """No byte is left out, at the borders of the words that are compared either."""
    for length in range(1, 34):
        data = bytes(length)
        for bit in range(8 * length):
            changed = bytearray(data)
            changed[bit // 8] ^= 1 << bit % 8
            assert not equal(data, changed), (length, bit)
