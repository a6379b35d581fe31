"""Hex and base64: one text for some bytes, and one only."""

import base64
import binascii
import re
import string
from collections.abc import Callable
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paycrypto import decode_base64, decode_hex, encode_base64, encode_hex


@settings(max_examples=500, deadline=None)
@given(data=st.binary(max_size=300))
def test_encodes_as_the_standard_library_and_back(data: bytes) -> None:
    """Text and bytes go to each other and back, from any buffer, as str and as bytes."""
    assert encode_hex(data) == data.hex()
    assert encode_base64(data) == base64.b64encode(data).decode()
    assert encode_hex(memoryview(data)) == encode_hex(bytearray(data)) == encode_hex(data)
    for text, decode in ((encode_hex(data), decode_hex), (encode_base64(data), decode_base64)):
        assert decode(text) == decode(text.encode()) == decode(bytearray(text.encode())) == data


@settings(max_examples=800, deadline=None)
@given(text=st.one_of(st.text("0123456789abcdefABCDEFg \n", max_size=9), st.text(max_size=9), st.binary(max_size=9)))
def test_reads_no_other_hex(text: str | bytes) -> None:
    """Hex is read when it is lower-case pairs, and else it is a ValueError."""
    octets = text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")
    if re.fullmatch(rb"(?:[0-9a-f]{2})*", octets):
        assert decode_hex(text) == bytes.fromhex(octets.decode())
    else:
        with pytest.raises(ValueError, match=r"\[0-9a-f\]"):
            decode_hex(text)


@settings(max_examples=1500, deadline=None)
@given(text=st.one_of(st.text("ABYZabyz0189+/=Qgw_- \n", max_size=13), st.text(max_size=9), st.binary(max_size=9)))
def test_reads_no_other_base64(text: str | bytes) -> None:
    """Base64 is read when encoding what it stands for gives it again, and else it is a ValueError."""
    octets = text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")
    try:
        data = base64.b64decode(octets, validate=True)
    except binascii.Error:
        data = None
    if data is not None and base64.b64encode(data) == octets:
        assert decode_base64(text) == data
    else:
        with pytest.raises(ValueError, match="canonical base64"):
            decode_base64(text)


@pytest.mark.parametrize(
    ("decode", "alphabet", "at_the_end"),
    [(decode_hex, "0123456789abcdef", ""), (decode_base64, string.ascii_letters + string.digits + "+/", "=")],
)
def test_reads_the_characters_of_the_alphabet_alone(
    decode: Callable[[bytes], bytes], alphabet: str, at_the_end: str
) -> None:
    """Of all 256 characters no other is read, wherever it stands; padding may stand at the end."""
    for place in range(8):
        read = set()
        for character in range(256):
            text = bytearray(b"00000000")
            text[place] = character
            with suppress(ValueError):
                decode(bytes(text))
                read.add(chr(character))
        assert read == set(alphabet + at_the_end if place == 7 else alphabet)


def test_wrong_types_are_type_errors() -> None:
    """Text is not data, and None is neither."""
    for encode in (encode_hex, encode_base64):
        with pytest.raises(TypeError):
            encode("text")  # type: ignore[arg-type]
    for decode in (decode_hex, decode_base64):
        with pytest.raises(TypeError):
            decode(None)  # type: ignore[arg-type]
        with pytest.raises(BufferError):
            decode(memoryview(b"0000")[::2])
