"""AES-256-GCM against NIST's CAVP and pyca/cryptography."""

import copy
import pickle
import random
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import cryptography_vectors
import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import example, given, settings
from hypothesis import strategies as st

from paycrypto import Aes256GcmKey, InvalidSignature
from support.signed import flipped
from support.vectors import one, read_vectors

SECRET, NONCE, DATA = bytes(range(32)), b"nonce of 12.", b"merchant|account|field"
PLAINTEXT = b"sk_test_0123456789, longer than one block of AES"
KEY = Aes256GcmKey(SECRET)
SEALED = KEY.seal(NONCE, PLAINTEXT, DATA)
SIZE_MAX = 64 * 1024 * 1024

# Sizes around the blocks of AES and what a processor takes at once, and any other.
sizes = st.one_of(
    st.sampled_from([0, 1, 15, 16, 17, 31, 32, 33, 96, 127, 128, 129, 255, 256, 4096]), st.integers(0, 600)
)
texts = st.builds(lambda seed, size: random.Random(seed).randbytes(size), st.integers(), sizes)


def nist(file: str) -> Iterator[dict[str, bytes]]:
    """Every case of a file of CAVP, in hex; one that must be refused has no PT."""
    with cryptography_vectors.open_vector_file(f"ciphers/AES/GCM/{file}.rsp", "r") as lines:
        for block in re.split(r"^Count = ", lines.read(), flags=re.MULTILINE)[1:]:
            fields = re.findall(r"^(\w+) = (\w*)$", block, re.MULTILINE)
            yield {name: bytes.fromhex(value) for name, value in fields}


def test_vectors() -> None:
    """What tests/vectors holds is sealed and opened as the file says, in Python as in C++."""
    for name, case in read_vectors("aes_256_gcm.txt").items():
        key, nonce, sealed = Aes256GcmKey(one(case, "secret")), one(case, "nonce"), one(case, "sealed")
        if one(case, "expect") == b"ok":
            assert key.open(nonce, sealed, one(case, "associated_data")) == one(case, "plaintext"), name
            assert key.seal(nonce, one(case, "plaintext"), one(case, "associated_data")) == sealed, name
        else:
            with pytest.raises(InvalidSignature, match="no_match"):
                key.open(nonce, sealed, one(case, "associated_data"))


def test_seals_all_that_nist_has() -> None:
    """All of CAVP with nonces of 12 bytes is sealed the same; a tag that is cut short never opens; other nonces: no."""
    whole = cut = refused = 0
    for case in nist("gcmEncryptExtIV256"):
        key = Aes256GcmKey(case["Key"])
        if len(case["IV"]) != 12:
            refused += 1
            with pytest.raises(ValueError, match="12 bytes"):
                key.seal(case["IV"], case["PT"], case["AAD"])
            continue
        sealed = key.seal(case["IV"], case["PT"], case["AAD"])
        end = len(case["PT"]) + len(case["Tag"])
        assert sealed[:end] == case["CT"] + case["Tag"]
        assert key.open(case["IV"], sealed, case["AAD"]) == case["PT"]
        if end < len(sealed):
            cut += 1
            with pytest.raises(InvalidSignature):
                key.open(case["IV"], sealed[:end], case["AAD"])
        else:
            whole += 1
    assert min(whole, cut, refused) >= 375


def test_opens_all_that_nist_has_and_nothing_that_fails() -> None:
    """All of CAVP with tags of 16 bytes and nonces of 12 opens or is refused as NIST says."""
    opened = failed = 0
    for case in nist("gcmDecrypt256"):
        key, sealed = Aes256GcmKey(case["Key"]), case["CT"] + case["Tag"]
        if "PT" in case and len(case["IV"]) == 12 and len(case["Tag"]) == 16:
            opened += 1
            assert key.open(case["IV"], sealed, case["AAD"]) == case["PT"]
        else:
            failed += 1
            with pytest.raises(InvalidSignature):
                key.open(case["IV"], sealed, case["AAD"])
    assert opened > 150
    assert failed > 150


@given(secret=st.binary(min_size=32, max_size=32), nonce=st.binary(min_size=12, max_size=12), text=texts, data=texts)
@example(secret=bytes(32), nonce=bytes(12), text=b"", data=b"")
@example(secret=SECRET, nonce=NONCE, text=bytes(256 * 1024), data=bytes(256 * 1024))
@settings(max_examples=500, deadline=None)
def test_agrees_with_cryptography(secret: bytes, nonce: bytes, text: bytes, data: bytes) -> None:
    """Each seals what the other does, and opens what the other sealed."""
    ours, theirs = Aes256GcmKey(secret), AESGCM(secret)
    sealed = theirs.encrypt(nonce, text, data)
    assert ours.seal(nonce, text, data) == sealed
    assert ours.open(nonce, sealed, data) == text
    assert theirs.decrypt(nonce, ours.seal(nonce, text, data), data) == text


@given(
    text=texts,
    data=texts,
    choice=st.integers(min_value=0),
    where=st.sampled_from(["secret", "nonce", "sealed", "data"]),
)
@settings(max_examples=300, deadline=None)
def test_refuses_any_changed_bit(text: bytes, data: bytes, choice: int, where: str) -> None:
    """One other bit, wherever it is, is a refusal, and says no more than that."""
    right = {"secret": SECRET, "nonce": NONCE, "sealed": KEY.seal(NONCE, text, data), "data": data}
    if right[where]:
        right[where] = flipped(right[where], choice % (8 * len(right[where])))
        with pytest.raises(InvalidSignature) as refused:
            Aes256GcmKey(right["secret"]).open(right["nonce"], right["sealed"], right["data"])
        assert refused.value.args == ("no_match",)


def test_refuses_other_lengths() -> None:
    """A sealed text cut anywhere, or longer, does not open; less than a tag, or another nonce, is malformed."""
    for length in range(len(SEALED)):
        with pytest.raises(InvalidSignature, match="malformed" if length < 16 else "no_match"):
            KEY.open(NONCE, SEALED[:length], DATA)
    for longer in (SEALED + b"\0", b"\0" + SEALED, SEALED * 2):
        with pytest.raises(InvalidSignature, match="no_match"):
            KEY.open(NONCE, longer, DATA)
    for length in {*range(40)} - {12}:
        with pytest.raises(InvalidSignature, match="malformed"):
            KEY.open(bytes(length), SEALED, DATA)
        with pytest.raises(ValueError, match="12 bytes"):
            KEY.seal(bytes(length), PLAINTEXT, DATA)


@pytest.mark.parametrize("length", [*range(32), *range(33, 66), 4096])
def test_refuses_other_keys(length: int) -> None:
    """A key has 32 bytes: not one of AES-128 or AES-192, and none that would have to be cut or filled."""
    with pytest.raises(ValueError, match="32 bytes"):
        Aes256GcmKey(bytes(length))


def test_takes_64_mib_and_no_more() -> None:
    """The sizes are bounded, for the text and for what is beside it."""
    large = bytes(SIZE_MAX)
    assert KEY.open(NONCE, KEY.seal(NONCE, large, b""), b"") == large
    assert KEY.open(NONCE, KEY.seal(NONCE, b"", large), large) == b""
    larger = bytes(SIZE_MAX + 1)
    for text, data in ((larger, b""), (b"", larger)):
        with pytest.raises(ValueError, match="64 MiB"):
            KEY.seal(NONCE, text, data)
    with pytest.raises(ValueError, match="64 MiB"):
        KEY.open(NONCE, SEALED, larger)
    with pytest.raises(InvalidSignature, match="malformed"):
        KEY.open(NONCE, bytes(SIZE_MAX + 17), b"")


@pytest.mark.parametrize("wrong", [None, 1, 1.5, object(), [b"x"], "text"])
def test_refuses_wrong_types(wrong: object) -> None:
    """What is not bytes is a fault of the caller, wherever it stands."""
    with pytest.raises(TypeError):
        Aes256GcmKey(wrong)  # type: ignore[arg-type]  # the mistake that is tested
    for method, rights in ((KEY.seal, (NONCE, PLAINTEXT, DATA)), (KEY.open, (NONCE, SEALED, DATA))):
        for place in range(3):
            arguments: list[Any] = [*rights]
            arguments[place] = wrong
            with pytest.raises(TypeError):
                method(*arguments)


def test_takes_any_contiguous_buffer() -> None:
    """A buffer counts as its bytes and is let go of afterwards; one with gaps is a fault of the caller."""
    buffers = [bytearray(NONCE), bytearray(PLAINTEXT), bytearray(DATA)]
    assert Aes256GcmKey(bytearray(SECRET)).seal(*buffers) == SEALED
    assert KEY.open(memoryview(NONCE), memoryview(b"_" + SEALED)[1:], buffers[2]) == PLAINTEXT
    for buffer in buffers:
        buffer.extend(b"a held buffer would refuse to grow")
    with pytest.raises(BufferError):
        KEY.seal(NONCE, memoryview(bytes(8))[::2], DATA)


def test_the_key_stays_inside() -> None:
    """It can be neither printed, pickled nor copied, has no attribute to read, and is never without its 32 bytes."""
    assert repr(KEY) == str(KEY) == "<Aes256GcmKey ***>"
    for leak in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match="holds a secret"):
            leak(KEY)
    with pytest.raises(TypeError):
        memoryview(KEY)  # type: ignore[arg-type]  # the mistake that is tested
    assert {name for name in dir(KEY) if not name.startswith("_")} == {"seal", "open"}
    with pytest.raises(TypeError):
        Aes256GcmKey.__new__(Aes256GcmKey)  # type: ignore[call-arg]  # the mistake that is tested
    with pytest.raises(TypeError, match="not an acceptable base type"):
        type("Other", (Aes256GcmKey,), {})


def test_one_key_serves_many_threads() -> None:
    """Threads that share a key, with and without the GIL, disturb each other in no way."""

    def work(seed: int) -> None:
        random_bytes = random.Random(seed).randbytes
        for length in (10, 1000, 300_000) * 10:
            nonce, text = random_bytes(12), random_bytes(length)
            sealed = KEY.seal(nonce, text, DATA)
            assert KEY.open(nonce, sealed, DATA) == text
            with pytest.raises(InvalidSignature):
                KEY.open(nonce, flipped(sealed, seed), DATA)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
