"""What holds for every check: nothing but the right signature passes, and nothing else goes wrong meanwhile."""

import array
import gc
import random
import sys
import tracemalloc
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paycrypto import Aes256GcmKey, HmacSha256Key, InvalidSignature, RsaPublicKey, parse_webhook_secret
from support.signed import SIGNED, Fields, Signed, flipped

every_check = pytest.mark.parametrize("signed", SIGNED, ids=str)
FIELDS = [pytest.param(signed, field, id=f"{signed}: {field}") for signed in SIGNED for field in signed.fields]
BUFFERS = [
    pytest.param(signed, field, id=f"{signed}: {field}") for signed in SIGNED for field in sorted(signed.buffers)
]
TEXTS = [pytest.param(signed, field, id=f"{signed}: {field}") for signed in SIGNED for field in sorted(signed.texts)]


class OctetsOfOurOwn(bytes):
    """A subclass, whose buffer is asked for in the ordinary way."""


@every_check
def test_accepts_the_right_signature(signed: Signed) -> None:
    """All that follows starts from a signature that passes."""
    signed.verify()


@pytest.mark.parametrize(("signed", "field"), FIELDS)
def test_refuses_every_flipped_bit(signed: Signed, field: str) -> None:
    """One changed bit of any field, key included, is refused."""
    right = signed.fields[field]
    for bit in range(8 * len(right)):
        with pytest.raises(InvalidSignature):
            signed.verify(**{field: flipped(right, bit)})


@pytest.mark.parametrize(("signed", "field"), FIELDS)
def test_refuses_another_length(signed: Signed, field: str) -> None:
    """A field cut anywhere, or longer by any of these, is refused."""
    right = signed.fields[field]
    for length in range(len(right)):
        with pytest.raises((InvalidSignature, ValueError) if not length and field in signed.own else InvalidSignature):
            signed.verify(**{field: right[:length]})
    for longer in (right + b"\0", right + b"\n", right + b" ", b" " + right, right + b"=", right + right):
        # HMAC itself fills a short secret with zeros (RFC 2104), so that one is the same key.
        if field == "secret" and longer == right + b"\0" and signed.name not in ("sha512 concat", "token"):
            continue
        with pytest.raises(InvalidSignature):
            signed.verify(**{field: longer})


@every_check
def test_refuses_all_fields_empty(signed: Signed) -> None:
    """Nothing at all, under a key that is there, is not signed."""
    with pytest.raises(InvalidSignature):
        signed.verify(**dict.fromkeys(set(signed.fields) - {"secret"}, b""))


@pytest.mark.parametrize(("signed", "field"), FIELDS)
@settings(max_examples=50, deadline=None)
@given(data=st.data())
def test_refuses_junk_and_raises_nothing_else(signed: Signed, field: str, data: st.DataObject) -> None:
    """Whatever a sender puts into a field, the answer is InvalidSignature."""
    kinds: list[st.SearchStrategy[Any]] = [st.binary(max_size=300)]
    if field in signed.texts:
        kinds += [st.text(max_size=100), st.text("0aA=+/,.v1 \n\0é\ud800", max_size=100)]
    junk = data.draw(st.one_of(kinds))
    if junk in (signed.fields[field], signed.fields[field].decode("latin-1")) or (field in signed.own and not junk):
        return
    with pytest.raises(InvalidSignature):
        signed.verify(**{field: junk})


@pytest.mark.parametrize(("signed", "field"), BUFFERS)
@pytest.mark.parametrize(
    "kind",
    [
        bytearray,
        memoryview,
        OctetsOfOurOwn,
        lambda data: memoryview(b"__" + data + b"__")[2:-2],
        lambda data: memoryview(bytearray(data)).toreadonly(),
        lambda data: array.array("B", data),
    ],
    ids=["bytearray", "memoryview", "subclass", "slice", "readonly view", "array"],
)
def test_takes_any_contiguous_buffer(signed: Signed, field: str, kind: Callable[[bytes], Any]) -> None:
    """A buffer counts as its bytes, right or wrong, and is let go of afterwards."""
    for value, accepted in ((signed.fields[field], True), (flipped(signed.fields[field], 9), False)):
        buffer = kind(value)
        with nullcontext() if accepted else pytest.raises(InvalidSignature):
            signed.verify(**{field: buffer})
        if isinstance(buffer, bytearray | array.array):
            buffer.extend(b"a held buffer would refuse to grow")


@pytest.mark.parametrize(("signed", "field"), BUFFERS)
def test_refuses_a_view_with_gaps(signed: Signed, field: str) -> None:
    """A view that is not contiguous would have to be copied: a fault of the caller."""
    with pytest.raises(BufferError):
        signed.verify(**{field: memoryview(bytes(8))[::2]})


@pytest.mark.parametrize(("signed", "field"), FIELDS)
def test_refuses_wrong_types(signed: Signed, field: str) -> None:
    """What is neither bytes nor, where text is read, a str, is a fault of the caller; so is a buffer among secrets."""
    wrong: list[object] = [1, 1.5, object(), [b"x"]]
    wrong += [] if field == "body" and "component" in signed.name else [None]
    wrong += [] if field in signed.texts else [signed.fields[field].decode("latin-1")]
    wrong += [] if field in signed.buffers else [bytearray(signed.fields[field])]
    for value in wrong:
        with pytest.raises(TypeError):
            signed.verify(**{field: value})


@pytest.mark.parametrize(("signed", "field"), TEXTS)
def test_reads_text_as_its_utf8_bytes(signed: Signed, field: str) -> None:
    """A str is as good as bytes; beyond ASCII, lone surrogates among it, it is just wrong."""
    text = signed.fields[field].decode()
    signed.verify(**{field: text})
    for hostile in (text + "é", text[:-1] + "\ud800", "\U0001f600" * 10, "é" * 1_000_000):
        with pytest.raises(InvalidSignature):
            signed.verify(**{field: hostile})


@every_check
def test_checks_are_independent_in_threads(signed: Signed) -> None:
    """Eight threads that check right and wrong signatures at once all get the right answers."""
    field = min(signed.fields)
    wrong = [{field: flipped(signed.fields[field], bit)} for bit in range(8)]

    def work(seed: int) -> None:
        for bit in random.Random(seed).choices(range(8), k=50):
            signed.verify()
            with pytest.raises(InvalidSignature):
                signed.verify(**wrong[bit])

    interval_s = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(work, range(8)))
    finally:
        sys.setswitchinterval(interval_s)


def in_every_way(signed: Signed) -> Iterator[Fields]:
    yield {}
    for field, right in signed.fields.items():
        yield {field: flipped(right, 3)}
        yield {field: b""}
        yield {field: object()}
        yield {field: memoryview(bytes(8))[::2]}
        if field in signed.buffers:
            yield {field: bytearray(right)}
            yield {field: memoryview(right)}
        if field in signed.texts:
            yield {field: "é" + right.decode()}


@every_check
def test_keeps_nothing(signed: Signed) -> None:
    """Accepted, refused or broken, a check leaves no memory and no reference behind."""
    ways = list(in_every_way(signed))
    # The empty bytes are one object for all of Python.
    objects = [value for way in [*ways, signed.fields] for value in way.values() if value != b""]

    def run(times: int) -> None:
        for _ in range(times):
            for way in ways:
                with suppress(InvalidSignature, TypeError, ValueError, BufferError):
                    signed.verify(**way)

    run(3)
    counts = [sys.getrefcount(value) for value in objects]
    tracemalloc.start()
    try:
        run(2)
        gc.collect()
        before = tracemalloc.get_traced_memory()[0]
        run(50)
        gc.collect()
        grown = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert [sys.getrefcount(value) for value in objects] == counts
    assert grown < 1000, "less than one object for each ten rounds"


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="the memory of a process is read from /proc")
def test_native_memory_goes_with_its_object() -> None:
    """Keys and streams by the thousand, made and dropped, do not make the process grow."""

    def pages() -> int:
        return int(Path("/proc/self/statm").read_text().split()[1])

    def make(times: int) -> None:
        for _ in range(times):
            key = HmacSha256Key(b"secret")
            key.stream().update(b"piece")
            key.stream().sign()
            parse_webhook_secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
            sealed = Aes256GcmKey(bytes(32)).seal(bytes(12), b"text", b"")
            with suppress(InvalidSignature):
                Aes256GcmKey(bytes(32)).open(bytes(12), sealed, b"other")
            with suppress(ValueError):
                RsaPublicKey(b"no key")
            with suppress(ValueError):
                HmacSha256Key(b"")

    make(20_000)
    before = pages()
    make(20_000)
    assert (pages() - before) * 4096 < 20_000 * 16
