"""SHA-512, the digest over joined parts, static tokens, and the constant-time comparison."""

import hashlib
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paycrypto import ITEMS_MAX, InvalidSignature, Reason, equal, sha512_hex, verify_sha512_concat, verify_token

PARTS = (b"PL-20260101-0001", b"200", b"150000.00", b"SB-Mid-server-TESTKEY0123456789")
DIGEST = hashlib.sha512(b"".join(PARTS)).hexdigest()
TOKEN = b"xnd_cb_test_9f8e7d6c5b4a"


def test_sha512_agrees_with_the_standard_library_at_every_length() -> None:
    """Data of 0..600 bytes, and past the size from which the GIL is released, gives the digest of `hashlib`."""
    random_bytes = random.Random(512).randbytes
    for length in [*range(601), 256 * 1024 - 1, 256 * 1024, 1_000_003]:
        data = random_bytes(length)
        assert sha512_hex(data) == hashlib.sha512(data).hexdigest(), length
        assert sha512_hex(memoryview(data)) == sha512_hex(bytearray(data)) == sha512_hex(data)


@settings(deadline=None)
@given(parts=st.lists(st.binary(min_size=1), min_size=1, max_size=ITEMS_MAX))
def test_concat_accepts_what_the_standard_library_computes(parts: list[bytes]) -> None:
    """Any parts are accepted with the digest of their join, as str and as bytes."""
    digest = hashlib.sha512(b"".join(parts)).hexdigest()
    verify_sha512_concat(parts, digest)
    verify_sha512_concat(tuple(parts), digest.encode())


def test_concat_refuses_every_flipped_bit() -> None:
    """One changed bit of the digest or of any part is refused."""
    raw = bytes.fromhex(DIGEST)
    for bit in range(8 * len(raw)):
        changed = bytearray(raw)
        changed[bit // 8] ^= 1 << bit % 8
        with pytest.raises(InvalidSignature, match="no_match"):
            verify_sha512_concat(PARTS, changed.hex())
    for index, part in enumerate(PARTS):
        for bit in range(8 * len(part)):
            changed = bytearray(part)
            changed[bit // 8] ^= 1 << bit % 8
            with pytest.raises(InvalidSignature, match="no_match"):
                verify_sha512_concat([*PARTS[:index], bytes(changed), *PARTS[index + 1 :]], DIGEST)


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
