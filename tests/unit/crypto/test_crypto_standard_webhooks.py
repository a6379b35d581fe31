"""Standard Webhooks against its own package and an independent model."""

import base64
import hashlib
import hmac
import re
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from standardwebhooks import Webhook, WebhookVerificationError

from paycrypto import (
    ITEMS_MAX,
    HmacSha256Key,
    InvalidSignature,
    parse_webhook_secret,
    sign_standard_webhook,
    verify_standard_webhook,
)

NOW_S = 1767225600
TOLERANCE_S = 300
SECRETS = [bytes([number]) * 24 for number in (1, 2)]
TEXTS = ["whsec_" + base64.b64encode(secret).decode() for secret in SECRETS]
KEYS = [parse_webhook_secret(text) for text in TEXTS]
BODY = b'{"type":"paid"}'


def tag(id_: bytes, timestamp: bytes, body: bytes = BODY, secret: bytes = SECRETS[0]) -> bytes:
    return base64.b64encode(hmac.digest(secret, id_ + b"." + timestamp + b"." + body, hashlib.sha256))


def verdict(id_: bytes | str, timestamp: bytes | str, signature: bytes | str, now_s: int = NOW_S) -> str | int:
    try:
        return verify_standard_webhook(
            BODY, KEYS, id=id_, timestamp=timestamp, signature=signature, now_s=now_s, tolerance_s=TOLERANCE_S
        )
    except InvalidSignature as refused:
        return refused.reason


def model(id_: bytes, timestamp: bytes, signature: bytes, now_s: int) -> str | int:
    """The strict reading, written with nothing but regular expressions and the standard library."""
    if not re.fullmatch(rb"[!-\-/-~]{1,255}", id_) or not re.fullmatch(rb"0|[1-9][0-9]{0,14}", timestamp):
        return "malformed"
    tags = []
    for item in signature.split(b" "):
        if found := re.fullmatch(rb"v1,([A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=)", item):
            tags.append(found[1])
        elif not re.fullmatch(rb"(?!v1,)[A-Za-z0-9]{1,16},[!-~]+", item):
            return "malformed"
    if len(signature) > 4096 or not 1 <= len(tags) <= 16:
        return "malformed"
    for index, secret in enumerate(SECRETS):
        if tag(id_, timestamp, secret=secret) in tags:
            return index if abs(now_s - int(timestamp)) <= TOLERANCE_S else "outside_window"
    return "no_match"


@st.composite
def requests(draw: st.DrawFn) -> tuple[bytes, bytes, bytes]:
    """Headers from right to nearly right: true tags among stray items, then perhaps one byte put in, out or changed."""
    id_ = draw(st.sampled_from([b"msg_1", b"a", b"m" * 255, b"m" * 256, b"msg.1", b""]))
    timestamp = b"%d" % draw(st.integers(NOW_S - 400, NOW_S + 400))
    items = [
        b"v1," + tag(id_, timestamp, secret=secret) for secret in draw(st.lists(st.sampled_from(SECRETS), max_size=3))
    ]
    strays = st.sampled_from([b"v1," + b"A" * 43 + b"=", b"v1a,x", b"v2,x", b"v1,", b"v1", b"", b",", b"x", b"v,,"])
    items += draw(st.lists(strays, max_size=2))
    headers = [bytearray(id_), bytearray(timestamp), bytearray(b" ".join(draw(st.permutations(items))))]
    changed = draw(st.sampled_from(headers))
    if changed and draw(st.booleans()):
        at = draw(st.integers(0, len(changed) - 1))
        changed[at : at + draw(st.integers(0, 1))] = draw(st.binary(max_size=1))
    return bytes(headers[0]), bytes(headers[1]), bytes(headers[2])


@settings(max_examples=800, deadline=None)
@given(request=requests(), now_s=st.integers(NOW_S - 400, NOW_S + 400))
def test_agrees_with_the_model(request: tuple[bytes, bytes, bytes], now_s: int) -> None:
    """Headers near valid ones get the verdict of the strict model, as bytes and as str."""
    expected = model(*request, now_s)
    assert verdict(*request, now_s) == expected
    id_, timestamp, signature = (header.decode("latin-1") for header in request)
    assert verdict(id_, timestamp, signature, now_s) == expected


@settings(max_examples=150, deadline=None)
@given(body=st.text(max_size=500), secret=st.binary(min_size=16, max_size=128))
def test_signs_and_verifies_as_the_package(body: str, secret: bytes) -> None:
    """What we sign, the scheme's own package accepts, and the other way round."""
    text = "whsec_" + base64.b64encode(secret).decode()
    now_s = int(datetime.now(UTC).timestamp())
    ours = sign_standard_webhook(parse_webhook_secret(text), body.encode(), id="msg_1", timestamp_s=now_s)
    theirs = Webhook(text).sign("msg_1", datetime.fromtimestamp(now_s, UTC), body)
    assert ours == theirs
    headers = {"webhook-id": "msg_1", "webhook-timestamp": str(now_s), "webhook-signature": ours}
    try:
        Webhook(text).verify(body, headers)
    except WebhookVerificationError:
        raise
    except ValueError:
        pass  # the signature was right, and the body no JSON


def test_the_window_has_two_sides() -> None:
    """A timestamp at the edge passes, one second beyond does not, and only a right tag is told so."""
    for apart_s, expected in ((TOLERANCE_S, 0), (TOLERANCE_S + 1, "outside_window")):
        for timestamp_s in (NOW_S - apart_s, NOW_S + apart_s):
            signature = sign_standard_webhook(KEYS[0], BODY, id="m", timestamp_s=timestamp_s)
            assert verdict("m", str(timestamp_s), signature) == expected
            assert verdict("n", str(timestamp_s), signature) == "no_match"


def test_names_the_key_that_signed() -> None:
    """The index is that of the first live key; none is no match."""
    headers = {"id": "m", "timestamp": str(NOW_S), "now_s": NOW_S, "tolerance_s": 0}
    signature = sign_standard_webhook(KEYS[1], BODY, id="m", timestamp_s=NOW_S)
    assert verify_standard_webhook(BODY, KEYS, signature=signature, **headers) == 1  # type: ignore[arg-type]
    assert verify_standard_webhook(BODY, KEYS[::-1], signature=signature, **headers) == 0  # type: ignore[arg-type]
    for keys in ([], [KEYS[0]]):
        with pytest.raises(InvalidSignature, match="no_match"):
            verify_standard_webhook(BODY, keys, signature=signature, **headers)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "whsec_",
        base64.b64encode(bytes(24)).decode(),
        "WHSEC_" + TEXTS[0][6:],
        TEXTS[0] + "\n",
        " " + TEXTS[0],
        TEXTS[0][:-1],
        "whsec_" + base64.b64encode(bytes(15)).decode(),
        "whsec_" + base64.b64encode(bytes(129)).decode(),
        "whsec_" + base64.b64encode(bytes(16)).decode().rstrip("="),
        "whsec_" + "-" * 32,
        "whsec_é",
        "whsec_\ud800",
    ],
)
def test_reads_no_other_secret(text: str) -> None:
    """A secret in any other form is a ValueError that shows nothing of it."""
    for form in (text, text.encode("utf-8", "surrogatepass")):
        with pytest.raises(ValueError, match=r"^not whsec_ and the canonical base64 of 16 to 128 bytes$"):
            parse_webhook_secret(form)


def test_a_parsed_secret_is_the_key_of_its_bytes() -> None:
    """The key is that of the decoded bytes, not of the text."""
    for size in (16, 24, 64, 65, 128):
        secret = bytes(range(size))
        key = parse_webhook_secret("whsec_" + base64.b64encode(secret).decode())
        assert isinstance(key, HmacSha256Key)
        assert key.sign(b"message") == hmac.digest(secret, b"message", "sha256")


def test_our_own_limits_are_value_errors() -> None:
    """Broken clocks, windows, ids and key sets are our fault and never look like a bad signature."""
    signature = "v1," + "A" * 43 + "="
    for keys, now_s, tolerance_s in (
        (KEYS, -1, 0),
        (KEYS, 0, -1),
        (KEYS, 2**63, 0),
        (KEYS, 0, 10**30),
        ([KEYS[0]] * (ITEMS_MAX + 1), 0, 0),
    ):
        with pytest.raises(ValueError, match=r"at most 16|not negative"):
            verify_standard_webhook(
                BODY, keys, id="m", timestamp="0", signature=signature, now_s=now_s, tolerance_s=tolerance_s
            )
    for id_, timestamp_s in (("", 0), ("a.b", 0), ("é", 0), ("m" * 256, 0), ("m", -1), ("m", 10**15), ("m", 2**64)):
        with pytest.raises(ValueError, match="15 digits"):
            sign_standard_webhook(KEYS[0], BODY, id=id_, timestamp_s=timestamp_s)
    with pytest.raises(TypeError):
        sign_standard_webhook(KEYS[0], BODY, id="m", timestamp_s=0.5)  # type: ignore[arg-type]
