"""The `t=,v1=` header against an independent model, the provider's own package, and hostile input."""

import hashlib
import hmac
import re
import time

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from stripe import SignatureVerificationError, WebhookSignature

from paycrypto import ITEMS_MAX, HmacSha256Key, InvalidSignature, sign_timestamped_hmac, verify_timestamped_hmac

NOW_S = 1767225600
TOLERANCE_S = 300
BODY = b'{"id":"evt_1"}'
SECRETS = (b"whsec_new", b"whsec_old")
KEYS = tuple(HmacSha256Key(secret) for secret in SECRETS)


def tag(timestamp: bytes, body: bytes = BODY, secret: bytes = SECRETS[0]) -> bytes:
    return hmac.new(secret, timestamp + b"." + body, hashlib.sha256).hexdigest().encode()


def verdict(header: bytes | str, body: bytes = BODY, now_s: int = NOW_S) -> str | int:
    try:
        return verify_timestamped_hmac(header, body, KEYS, now_s, TOLERANCE_S)
    except InvalidSignature as refused:
        return refused.reason


def model(header: bytes, body: bytes, now_s: int) -> str | int:
    """The strict reading of a header, written with nothing but regular expressions and the standard library."""
    times, tags = [], []
    for item in header.split(b","):
        if found := re.fullmatch(rb"t=(0|[1-9][0-9]{0,14})", item):
            times.append(found[1])
        elif found := re.fullmatch(rb"v1=([0-9a-f]{64})", item):
            tags.append(found[1])
        elif not re.fullmatch(rb"(?!t=|v1=)[A-Za-z0-9_-]{1,16}=[!-+\--~]+", item):
            return "malformed"
    if len(header) > 4096 or len(times) != 1 or not 1 <= len(tags) <= 16:
        return "malformed"
    for index, secret in enumerate(SECRETS):
        if tag(times[0], body, secret) in tags:
            return index if abs(now_s - int(times[0])) <= TOLERANCE_S else "outside_window"
    return "no_match"


TIMES = st.integers(NOW_S - 400, NOW_S + 400).map(b"%d".__mod__)


@st.composite
def headers(draw: st.DrawFn) -> bytes:
    """Headers from right to nearly right: true tags among stray items, then perhaps one byte put in, out or changed."""
    timestamp = draw(TIMES)
    items = [b"t=" + timestamp]
    items += [b"v1=" + tag(timestamp, secret=secret) for secret in draw(st.lists(st.sampled_from(SECRETS), max_size=3))]
    strays = st.sampled_from([b"v1=" + b"0" * 64, b"v0=abc", b"v1=", b"t=1", b"", b"x", b"=", b"v2==", b" v0=a", b"v1"])
    items += draw(st.lists(strays, max_size=2))
    header = bytearray(b",".join(draw(st.permutations(items))))
    if header and draw(st.booleans()):
        at = draw(st.integers(0, len(header) - 1))
        header[at : at + draw(st.integers(0, 1))] = draw(st.binary(max_size=1))
    return bytes(header)


@settings(max_examples=800, deadline=None)
@given(header=headers(), now_s=st.integers(NOW_S - 400, NOW_S + 400))
def test_agrees_with_the_model(header: bytes, now_s: int) -> None:
    """Every header near a valid one gets the verdict of the strict model, and the same as str."""
    expected = model(header, BODY, now_s)
    assert verdict(header, now_s=now_s) == expected
    assert verdict(header.decode("latin-1"), now_s=now_s) == expected


@settings(max_examples=400, deadline=None)
@given(header=st.one_of(st.binary(), st.text(), st.text("tv10=,. af\x00é\ud800", max_size=90)), body=st.binary())
@example(header="\ud800", body=b"")
@example(header=b"=" * 5000, body=b"")
@example(header="é" * 10_000_000, body=b"")
@example(header=b"t=1," * 2_500_000, body=b"")
def test_junk_is_refused_and_nothing_else(header: bytes | str, body: bytes) -> None:
    """No header, of any size or characters, raises anything but InvalidSignature."""
    assert verdict(header, body) == "malformed"


def test_refuses_every_flipped_bit() -> None:
    """One changed bit anywhere in the header or the body is refused."""
    header = sign_timestamped_hmac(KEYS[0], BODY, NOW_S).encode()
    assert verdict(header) == 0
    for data in (header, BODY):
        for bit in range(8 * len(data)):
            changed = bytearray(data)
            changed[bit // 8] ^= 1 << bit % 8
            refused = verdict(bytes(changed)) if data is header else verdict(header, bytes(changed))
            assert refused in ("malformed", "no_match"), bit


def test_refuses_every_truncation() -> None:
    """A header cut anywhere is malformed."""
    header = sign_timestamped_hmac(KEYS[0], BODY, NOW_S)
    for length in range(len(header)):
        assert verdict(header[:length]) == "malformed", length


@settings(max_examples=150, deadline=None)
@given(body=st.text(max_size=2000), secret=st.text(min_size=1, max_size=80))
def test_signs_and_verifies_as_the_stripe_package(body: str, secret: str) -> None:
    """What we sign, the provider's own package accepts, and the other way round."""
    now_s = int(time.time())
    key = HmacSha256Key(secret.encode())
    ours = sign_timestamped_hmac(key, body.encode(), now_s)
    theirs = WebhookSignature.generate_signature_header(body, secret, now_s)
    assert ours == theirs
    assert verify_timestamped_hmac(theirs, body.encode(), [key], now_s, TOLERANCE_S) == 0
    if secret.strip(" \t\r\n\f\v"):
        assert WebhookSignature.verify_header(body, ours, secret, TOLERANCE_S)


@settings(max_examples=300, deadline=None)
@given(header=headers(), secret=st.sampled_from(SECRETS))
def test_accepts_nothing_that_the_stripe_package_refuses(header: bytes, secret: bytes) -> None:
    """Strictness only ever refuses more; the clock, which the package takes from the system, is left out."""
    try:
        verify_timestamped_hmac(header, BODY, [HmacSha256Key(secret)], NOW_S, 1000)
    except InvalidSignature:
        return
    try:
        WebhookSignature.verify_header(BODY, header.decode(), secret.decode(), tolerance=None)
    except SignatureVerificationError:
        pytest.fail(f"only we accept {header!r}")


def test_both_secrets_work_while_one_is_rolled() -> None:
    """A sender signs with two secrets and a receiver holds two: any live one in common will do, and is named."""
    header = f"t={NOW_S},v1={tag(b'%d' % NOW_S).decode()},v1={tag(b'%d' % NOW_S, secret=SECRETS[1]).decode()}"
    new, old = KEYS
    for keys, matched in [((new,), 0), ((old,), 0), ((old, new), 0), ((HmacSha256Key(b"stranger"), old), 1)]:
        assert verify_timestamped_hmac(header, BODY, keys, NOW_S, TOLERANCE_S) == matched


def test_takes_the_body_without_copying_it() -> None:
    """A bytearray or memoryview body counts as its bytes, and is let go of afterwards."""
    body = bytearray(BODY)
    header = sign_timestamped_hmac(KEYS[0], memoryview(body), NOW_S)
    assert verify_timestamped_hmac(header, body, KEYS, NOW_S, TOLERANCE_S) == 0
    with pytest.raises(InvalidSignature):
        verify_timestamped_hmac(header, body, [], NOW_S, TOLERANCE_S)
    body.extend(b"a held buffer would refuse to grow")


def test_large_bodies_get_the_same_verdict() -> None:
    """A body above the size from which the GIL is released is checked against every key as well."""
    body = bytes(300_000)
    header = sign_timestamped_hmac(KEYS[1], body, NOW_S)
    assert verdict(header, body) == 1
    assert verdict(header, body + b"\0") == "no_match"


@pytest.mark.parametrize(
    ("now_s", "tolerance_s", "key_count"), [(-1, 300, 1), (NOW_S, -1, 1), (NOW_S, 300, ITEMS_MAX + 1)]
)
def test_our_own_limits_are_value_errors(now_s: int, tolerance_s: int, key_count: int) -> None:
    """A broken clock, window or key set is our fault and never looks like a bad signature."""
    with pytest.raises(ValueError, match=r"at most 16|not negative"):
        verify_timestamped_hmac("", b"", [KEYS[0]] * key_count, now_s, tolerance_s)


@pytest.mark.parametrize("timestamp_s", [-1, 10**15])
def test_signs_no_time_that_would_be_refused(timestamp_s: int) -> None:
    """A time that the strict reading would call malformed cannot be signed."""
    with pytest.raises(ValueError, match="at most 15 digits"):
        sign_timestamped_hmac(KEYS[0], BODY, timestamp_s)


def test_wrong_types_are_type_errors() -> None:
    """Anything but keys as keys, text or bytes as header and bytes as body is a fault of the caller."""
    with pytest.raises(TypeError):
        verify_timestamped_hmac(None, BODY, KEYS, NOW_S, TOLERANCE_S)  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        verify_timestamped_hmac("", "body", KEYS, NOW_S, TOLERANCE_S)  # type: ignore[arg-type]
    for keys in ([SECRETS[0]], [None], KEYS[0]):
        with pytest.raises(TypeError):
            verify_timestamped_hmac("", BODY, keys, NOW_S, TOLERANCE_S)  # type: ignore[arg-type]
