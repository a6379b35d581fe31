"""Signatures over component lines and over transmission fields, against models of the standard library."""

import base64
import hashlib
import hmac
import zlib
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given, settings
from hypothesis import strategies as st

from paycrypto import (
    ITEMS_MAX,
    HmacSha256Key,
    InvalidSignature,
    RsaPublicKey,
    sign_components,
    verify_component_signature,
    verify_transmission,
)

SECRETS = (b"SK-new", b"SK-old")
KEYS = [HmacSha256Key(secret) for secret in SECRETS]
COMPONENTS: dict[str, Any] = {
    "client_id": "MCH-1",
    "request_id": "r-1",
    "timestamp": "2026-01-01T00:00:00Z",
    "target": "/v1/pay",
}
VISIBLE = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=40)


def model(secret: bytes, body: bytes | None, response: bool, c: dict[str, str]) -> str:
    kind = "Response" if response else "Request"
    lines = [f"Client-Id:{c['client_id']}", f"Request-Id:{c['request_id']}", f"{kind}-Timestamp:{c['timestamp']}"]
    lines.append(f"Request-Target:{c['target']}")
    if body is not None:
        lines.append("Digest:" + base64.b64encode(hashlib.sha256(body).digest()).decode())
    return "HMACSHA256=" + base64.b64encode(hmac.digest(secret, "\n".join(lines).encode(), "sha256")).decode()


@settings(max_examples=300, deadline=None)
@given(
    components=st.fixed_dictionaries(
        {"client_id": VISIBLE, "request_id": VISIBLE, "timestamp": VISIBLE, "target": VISIBLE.map("/".__add__)}
    ),
    body=st.one_of(st.none(), st.binary(max_size=300)),
    response=st.booleans(),
)
def test_components_agree_with_the_model(components: dict[str, Any], body: bytes | None, response: bool) -> None:
    """Any components are signed as the documented recipe says, accepted so, and in no other way."""
    signature = model(SECRETS[1], body, response, components)
    assert sign_components(KEYS[1], body, **components, response=response) == signature
    assert verify_component_signature(signature, body, KEYS, **components, response=response) == 1
    others = [(None if body is not None else b"", response), (body, not response), ((body or b"") + b"x", response)]
    for other_body, other_response in others:
        with pytest.raises(InvalidSignature, match="no_match"):
            verify_component_signature(signature, other_body, KEYS, **components, response=other_response)


@pytest.mark.parametrize("field", COMPONENTS)
def test_a_component_cannot_hold_a_line_of_its_own(field: str) -> None:
    """Line feeds, blanks and all that is not visible ASCII are malformed to verify and a ValueError to sign."""
    signature = sign_components(KEYS[0], b"", **COMPONENTS)
    right = COMPONENTS[field]
    for wrong in ("", right + "\n", right + "\nDigest:x", right + " ", "é", right + "\ud800", right + "\0", "/" * 1025):
        changed = COMPONENTS | {field: wrong}
        with pytest.raises(InvalidSignature, match="malformed"):
            verify_component_signature(signature, b"", KEYS, **changed)
        with pytest.raises(ValueError, match="not of its form"):
            sign_components(KEYS[0], b"", **changed)


def test_components_keep_to_their_limits() -> None:
    """A target is a path, keys are few, and no key is no match."""
    signature = sign_components(KEYS[0], None, **COMPONENTS)
    with pytest.raises(InvalidSignature, match="malformed"):
        verify_component_signature(signature, None, KEYS, **(COMPONENTS | {"target": "v1/pay"}))
    with pytest.raises(InvalidSignature, match="no_match"):
        verify_component_signature(signature, None, [], **COMPONENTS)
    with pytest.raises(ValueError, match="at most 16"):
        verify_component_signature(signature, None, [KEYS[0]] * (ITEMS_MAX + 1), **COMPONENTS)
    with pytest.raises(TypeError):
        verify_component_signature(signature, None, KEYS)  # type: ignore[call-arg]


def test_a_large_body_of_components_gets_the_same_verdict() -> None:
    """A body above the size from which the GIL is released is digested as well."""
    body = bytes(300_000)
    assert sign_components(KEYS[0], body, **COMPONENTS) == model(SECRETS[0], body, False, COMPONENTS)


PRIVATE = rsa.generate_private_key(65537, 2048)
SENDER = RsaPublicKey(PRIVATE.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))
FIELD = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E, exclude_characters="|"), min_size=1, max_size=50)


def transmit(body: bytes, id_: str, time: str, webhook_id: str) -> str:
    message = f"{id_}|{time}|{webhook_id}|{zlib.crc32(body)}".encode()
    return base64.b64encode(PRIVATE.sign(message, padding.PKCS1v15(), hashes.SHA256())).decode()


@settings(max_examples=60, deadline=None)
@given(body=st.binary(max_size=2000), id_=FIELD, time=FIELD, webhook_id=FIELD)
def test_transmissions_agree_with_the_model(body: bytes, id_: str, time: str, webhook_id: str) -> None:
    """What the documented recipe signs is accepted, and nothing else."""
    fields = {"id": id_, "time": time, "webhook_id": webhook_id}
    signature = transmit(body, id_, time, webhook_id)
    verify_transmission(signature, body, SENDER, **fields)
    for name in fields:
        with pytest.raises(InvalidSignature):
            verify_transmission(signature, body, SENDER, **(fields | {name: fields[name] + "x"}))
    with pytest.raises(InvalidSignature, match="no_match"):
        verify_transmission(signature, body + b"x", SENDER, **fields)


def test_a_transmission_proves_no_more_than_a_crc() -> None:
    """The known weakness: four chosen bytes give another body of the same CRC, which is accepted too."""
    body, other = b'{"amount":1}', b'{"amount":9}'
    # CRC-32 is linear: the effect of each bit of four bytes at the end is known, so a small system gives those wanted.
    wanted = zlib.crc32(body) ^ zlib.crc32(other + bytes(4))
    effects: dict[int, tuple[int, int]] = {}
    for bit in range(32):
        effect = zlib.crc32(other + (1 << bit).to_bytes(4, "little")) ^ zlib.crc32(other + bytes(4))
        choice = 1 << bit
        for lead, (known, made) in effects.items():
            if effect >> lead & 1:
                effect, choice = effect ^ known, choice ^ made
        effects[effect.bit_length() - 1] = (effect, choice)
    end = 0
    for lead in sorted(effects, reverse=True):
        if wanted >> lead & 1:
            wanted, end = wanted ^ effects[lead][0], end ^ effects[lead][1]
    forged = other + end.to_bytes(4, "little")
    assert forged != body
    assert zlib.crc32(forged) == zlib.crc32(body)
    verify_transmission(transmit(body, "i", "t", "w"), forged, SENDER, id="i", time="t", webhook_id="w")


@pytest.mark.parametrize("field", ["id", "time", "webhook_id"])
def test_a_transmission_field_holds_no_other(field: str) -> None:
    """A separator, blank or anything invisible inside a field is malformed."""
    fields = {"id": "i", "time": "t", "webhook_id": "w"}
    signature = transmit(b"", "i", "t", "w")
    verify_transmission(signature, b"", SENDER, **fields)
    for wrong in ("", "i|t", "i t", "i\n", "é", "\ud800", "x" * 256):
        with pytest.raises(InvalidSignature, match="malformed"):
            verify_transmission(signature, b"", SENDER, **(fields | {field: wrong}))
    for key in (None, b"key", KEYS[0]):
        with pytest.raises(TypeError):
            verify_transmission(signature, b"", key, **fields)  # type: ignore[arg-type]
