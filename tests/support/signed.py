"""One right signature of every kind that paycrypto checks, for the properties that all of them share."""

import hmac
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from paycrypto import (
    Aes256GcmKey,
    HmacSha256Key,
    HmacSha512Key,
    InvalidSignature,
    RsaPublicKey,
    encode_base64,
    encode_hex,
    sha512,
    sign_components,
    sign_standard_webhook,
    sign_timestamped_hmac,
    verify_any,
    verify_component_signature,
    verify_hmac_sha256_batch,
    verify_sha512_concat,
    verify_standard_webhook,
    verify_timestamped_hmac,
    verify_token,
    verify_transmission,
)
from support.vectors import one, read_vectors

NOW_S = 1767225600
SECRET = b"whsec_test_0123456789abcdef0123456789abcdef"
BODY = b'{"id":"evt_1","amount":150000,"padding":"more than one block of 64 bytes"}'

Fields = dict[str, Any]


@dataclass(frozen=True)
class Signed:
    """
    A check and the fields it accepts.

    `buffers` are the fields that may be any buffer, `texts` those of them that may be a str too. `own` are those on our
    side, wrong values of which may be a ValueError.
    """

    name: str
    check: Callable[[Fields], object]
    fields: dict[str, bytes]
    buffers: frozenset[str]
    texts: frozenset[str] = frozenset()
    own: frozenset[str] = frozenset({"secret"})

    def verify(self, **changed: Any) -> object:
        return self.check({**self.fields, **changed})

    def __str__(self) -> str:
        return self.name


def flipped(data: bytes, bit: int) -> bytes:
    changed = bytearray(data)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


def _batch(fields: Fields) -> None:
    key = HmacSha256Key(fields["secret"])
    right = (key, b"another", key.sign(b"another"))
    outcomes = verify_hmac_sha256_batch([right, (key, fields["message"], fields["tag"]), right])
    assert outcomes[0] is outcomes[2] is None
    if outcomes[1] is not None:
        raise InvalidSignature(outcomes[1])


def _stream(key: HmacSha256Key | HmacSha512Key, fields: Fields) -> None:
    stream = key.stream()
    view = memoryview(fields["message"])
    stream.update(view[: len(view) // 3])
    stream.update(view[len(view) // 3 :])
    stream.verify(fields["tag"])


def _hmacs(name: str, key: type[HmacSha256Key] | type[HmacSha512Key]) -> Iterator[Signed]:
    tag = hmac.digest(SECRET, BODY, name)
    fields = {"secret": SECRET, "message": BODY}
    all_of_them = frozenset({"secret", "message", "tag"})
    yield Signed(
        f"{name} tag", lambda f: key(f["secret"]).verify(f["message"], f["tag"]), {**fields, "tag": tag}, all_of_them
    )
    yield Signed(
        f"{name} hex tag",
        lambda f: key(f["secret"]).verify_hex(f["message"], f["tag"]),
        {**fields, "tag": encode_hex(tag).encode()},
        all_of_them,
        frozenset({"tag"}),
    )
    yield Signed(
        f"{name} base64 tag",
        lambda f: key(f["secret"]).verify_base64(f["message"], f["tag"]),
        {**fields, "tag": encode_base64(tag).encode()},
        all_of_them,
        frozenset({"tag"}),
    )
    yield Signed(f"{name} stream", lambda f: _stream(key(f["secret"]), f), {**fields, "tag": tag}, all_of_them)


def _of_several() -> Iterator[Signed]:
    fields = {"secret": SECRET, "message": BODY, "tag": hmac.digest(SECRET, BODY, "sha256")}
    yield Signed(
        "any tag of any key",
        lambda f: verify_any([HmacSha256Key(b"old"), HmacSha256Key(f["secret"])], f["message"], [bytes(32), f["tag"]]),
        fields,
        frozenset({"secret", "message"}),
    )
    yield Signed("batch", _batch, fields, frozenset(fields))


def _of_parts() -> Iterator[Signed]:
    parts = {"order": b"PL-20260101-0001", "status": b"200", "amount": b"150000.00", "secret": SECRET}
    digest = encode_hex(sha512(b"".join(parts.values()))).encode()
    yield Signed(
        "sha512 concat",
        lambda f: verify_sha512_concat([f["order"], f["status"], f["amount"], f["secret"]], f["digest"]),
        {**parts, "digest": digest},
        frozenset({"digest"}),
        frozenset({"digest"}),
    )
    yield Signed(
        "token",
        lambda f: verify_token(f["received"], [b"old", f["secret"]]),
        {"received": SECRET, "secret": SECRET},
        frozenset({"received"}),
        frozenset({"received"}),
    )


def _schemes() -> Iterator[Signed]:
    key = HmacSha256Key(SECRET)
    yield Signed(
        "timestamped header",
        lambda f: verify_timestamped_hmac(f["header"], f["body"], [HmacSha256Key(f["secret"])], NOW_S, 300),
        {"header": sign_timestamped_hmac(key, BODY, NOW_S).encode(), "body": BODY, "secret": SECRET},
        frozenset({"header", "body", "secret"}),
        frozenset({"header"}),
    )
    headers = {"id": b"msg_1", "timestamp": b"%d" % NOW_S}
    headers["signature"] = sign_standard_webhook(key, BODY, id="msg_1", timestamp_s=NOW_S).encode()
    yield Signed(
        "standard webhook",
        lambda f: verify_standard_webhook(
            f["body"],
            [HmacSha256Key(f["secret"])],
            **{name: f[name] for name in headers},
            now_s=NOW_S,
            tolerance_s=300,
        ),
        {**headers, "body": BODY, "secret": SECRET},
        frozenset({*headers, "body", "secret"}),
        frozenset(headers),
    )
    components = {
        "client_id": b"MCH-0001",
        "request_id": b"7f3c1d2e",
        "timestamp": b"2026-01-01T00:00:00Z",
        "target": b"/checkout/v1/payment",
    }
    for response in (False, True):

        def check(f: Fields, response: bool = response) -> int:
            values = {name: f[name] for name in components}
            keys = [HmacSha256Key(f["secret"])]
            return verify_component_signature(f["signature"], f["body"], keys, **values, response=response)

        signature = sign_components(key, BODY, **components, response=response)
        yield Signed(
            "component signature of a response" if response else "component signature",
            check,
            {**components, "signature": signature.encode(), "body": BODY, "secret": SECRET},
            frozenset({*components, "signature", "body", "secret"}),
            frozenset({*components, "signature"}),
        )


def _rsa() -> Iterator[Signed]:
    right = read_vectors("rsa_sha256.txt")["CAVP 2048: P"]
    key = RsaPublicKey(one(right, "key"))
    yield Signed(
        "rsa sha256",
        lambda f: key.verify_sha256(f["message"], f["signature"]),
        {"message": one(right, "message"), "signature": one(right, "signature")},
        frozenset({"message", "signature"}),
    )
    documented = read_vectors("transmission.txt")["documented"]
    sender = RsaPublicKey(one(documented, "key"))
    fields = {name: one(documented, name) for name in ("signature", "body", "id", "time", "webhook_id")}
    yield Signed(
        "transmission",
        lambda f: verify_transmission(
            f["signature"], f["body"], sender, id=f["id"], time=f["time"], webhook_id=f["webhook_id"]
        ),
        fields,
        frozenset(fields),
        frozenset(fields) - {"body"},
    )


def _sealed() -> Iterator[Signed]:
    key = Aes256GcmKey(SECRET[:32])
    fields = {"nonce": b"nonce of 12.", "data": b"merchant|account|field"}
    yield Signed(
        "aes-256-gcm",
        lambda f: key.open(f["nonce"], f["sealed"], f["data"]),
        {**fields, "sealed": key.seal(fields["nonce"], BODY, fields["data"])},
        frozenset({*fields, "sealed"}),
        own=frozenset(),
    )


SIGNED = [
    *_hmacs("sha256", HmacSha256Key),
    *_hmacs("sha512", HmacSha512Key),
    *_of_several(),
    *_of_parts(),
    *_schemes(),
    *_rsa(),
    *_sealed(),
]
