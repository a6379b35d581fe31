"""The vector files of tests/vectors, which the C++ tests read too."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import cryptography_vectors
import pytest

from paycrypto import (
    HmacSha256Key,
    HmacSha512Key,
    InvalidSignature,
    RsaPublicKey,
    decode_hex,
    encode_base64,
    encode_hex,
    parse_webhook_secret,
    sha256,
    sha512,
    sign_components,
    sign_standard_webhook,
    sign_timestamped_hmac,
    verify_component_signature,
    verify_hmac_sha256_batch,
    verify_sha512_concat,
    verify_standard_webhook,
    verify_timestamped_hmac,
    verify_token,
    verify_transmission,
)
from support.vectors import Vector, one, read_vectors


def vectors(file: str) -> pytest.MarkDecorator:
    cases = read_vectors(file)
    assert cases
    return pytest.mark.parametrize("case", [pytest.param(case, id=name) for name, case in cases.items()])


as_bytes_and_str = pytest.mark.parametrize(
    "kind", [bytes, lambda octets: octets.decode("latin-1")], ids=["as bytes", "as str"]
)
Kind = Callable[[bytes], Any]


def outcome(check: Callable[[], int | None]) -> tuple[str, int | None]:
    try:
        return "ok", check()
    except InvalidSignature as refused:
        return refused.reason, None


def expected(case: Vector) -> tuple[str, int | None]:
    expect = one(case, "expect").decode()
    return expect, int(one(case, "matched")) if expect == "ok" and case["matched"] else None


@pytest.mark.parametrize(("file", "kind"), [("hmac_sha256.txt", HmacSha256Key), ("hmac_sha512.txt", HmacSha512Key)])
def test_hmac(file: str, kind: type[HmacSha256Key] | type[HmacSha512Key]) -> None:
    """A key signs and verifies as RFC 4231 says, in every form."""
    for case in read_vectors(file).values():
        key, message, tag = kind(one(case, "secret")), one(case, "message"), one(case, "tag")
        assert key.sign(message) == tag
        key.verify(message, tag)
        key.verify_hex(message, encode_hex(tag))
        key.verify_base64(message, encode_base64(tag))
        if isinstance(key, HmacSha256Key):
            assert verify_hmac_sha256_batch([(key, message, tag)]) == [None]


@pytest.mark.parametrize(("file", "digest"), [("sha256.txt", sha256), ("sha512.txt", sha512)])
def test_digest(file: str, digest: Callable[[bytes], bytes]) -> None:
    """A digest is that of NIST's CAVP."""
    for name, case in read_vectors(file).items():
        assert encode_hex(digest(one(case, "message"))).encode() == one(case, "digest"), name


@pytest.mark.parametrize("digest", [sha256, sha512])
@pytest.mark.parametrize("kind", ["ShortMsg", "LongMsg"])
def test_digest_of_all_that_nist_has(digest: Callable[[bytes], bytes], kind: str) -> None:
    """The whole of CAVP, of which tests/vectors holds a part."""
    name = digest.__name__.upper()
    text = (Path(cryptography_vectors.__file__).parent / "hashes/SHA2" / f"{name}{kind}.rsp").read_text()
    values = [line.partition(" = ")[2] for line in text.splitlines() if line.startswith(("Len", "Msg", "MD"))]
    assert len(values) >= 3 * 64
    for bits, message, expect in zip(*[iter(values)] * 3, strict=True):
        assert digest(decode_hex(message)[: int(bits) // 8]) == decode_hex(expect)


@as_bytes_and_str
@vectors("timestamped_hmac.txt")
def test_timestamped_hmac(case: Vector, kind: Kind) -> None:
    """A header is accepted, or refused for the reason that the file gives, however the HTTP server hands it over."""
    keys = [HmacSha256Key(secret) for secret in case["secret"]]
    now_s, tolerance_s = int(one(case, "now_s")), int(one(case, "tolerance_s"))
    header = kind(one(case, "header"))
    verdict = outcome(lambda: verify_timestamped_hmac(header, one(case, "body"), keys, now_s, tolerance_s))
    assert verdict == expected(case)


@as_bytes_and_str
@vectors("sha512_concat.txt")
def test_sha512_concat(case: Vector, kind: Kind) -> None:
    """A digest over joined parts is accepted, or refused for the reason that the file gives."""
    assert outcome(lambda: verify_sha512_concat(case["part"], kind(one(case, "expected")))) == expected(case)


@as_bytes_and_str
@vectors("token.txt")
def test_token(case: Vector, kind: Kind) -> None:
    """A token is accepted, or refused for the reason that the file gives."""
    # A str stands for its UTF-8 bytes.
    received: Any = one(case, "received")
    if kind is not bytes:
        try:
            received = received.decode()
        except UnicodeDecodeError:
            return
    assert outcome(lambda: verify_token(received, case["expected"])) == expected(case)


@as_bytes_and_str
@vectors("rsa_sha256.txt")
def test_rsa_sha256(case: Vector, kind: Kind) -> None:
    """A key is read, or not, and a signature accepted, or refused, as the file says."""
    try:
        encoded = one(case, "key") if kind is bytes else one(case, "key").decode("ascii")
        key = RsaPublicKey(encoded)
    except UnicodeDecodeError:
        return
    except ValueError:
        assert one(case, "expect") == b"malformed"
        return
    assert outcome(lambda: key.verify_sha256(one(case, "message"), one(case, "signature"))) == expected(case)


@as_bytes_and_str
@vectors("standard_webhooks.txt")
def test_standard_webhooks(case: Vector, kind: Kind) -> None:
    """The headers are accepted, or refused for the reason that the file gives; a wrong secret is never read."""
    try:
        keys = [parse_webhook_secret(kind(secret)) for secret in case["secret"]]
    except ValueError:
        assert one(case, "expect") == b"malformed"
        return
    verdict = outcome(
        lambda: verify_standard_webhook(
            one(case, "body"),
            keys,
            id=kind(one(case, "id")),
            timestamp=kind(one(case, "timestamp")),
            signature=kind(one(case, "signature")),
            now_s=int(one(case, "now_s")),
            tolerance_s=int(one(case, "tolerance_s")),
        )
    )
    assert verdict == expected(case)


@as_bytes_and_str
@vectors("component_signature.txt")
def test_component_signature(case: Vector, kind: Kind) -> None:
    """The components are accepted, or refused for the reason that the file gives."""
    if one(case, "has_body") == b"0" and one(case, "body"):
        return  # cannot be said in Python, where no body is None
    keys = [HmacSha256Key(secret) for secret in case["secret"]]
    verdict = outcome(
        lambda: verify_component_signature(
            kind(one(case, "signature")),
            one(case, "body") if one(case, "has_body") == b"1" else None,
            keys,
            client_id=kind(one(case, "client_id")),
            request_id=kind(one(case, "request_id")),
            timestamp=kind(one(case, "timestamp")),
            target=kind(one(case, "target")),
            response=one(case, "is_response") == b"1",
        )
    )
    assert verdict == expected(case)


@as_bytes_and_str
@vectors("transmission.txt")
def test_transmission(case: Vector, kind: Kind) -> None:
    """The fields are accepted, or refused for the reason that the file gives."""
    fields = {name: kind(one(case, name)) for name in ("id", "time", "webhook_id")}
    signature, key = kind(one(case, "signature")), RsaPublicKey(one(case, "key"))
    assert outcome(lambda: verify_transmission(signature, one(case, "body"), key, **fields)) == expected(case)


def test_what_is_signed_is_what_the_files_hold() -> None:
    """The signing half makes the accepted signatures again."""
    case = read_vectors("timestamped_hmac.txt")["the documented vector"]
    key = HmacSha256Key(one(case, "secret"))
    assert sign_timestamped_hmac(key, one(case, "body"), 1767225600).encode() == one(case, "header")
    case = read_vectors("standard_webhooks.txt")["the published vector"]
    key = parse_webhook_secret(one(case, "secret"))
    signature = sign_standard_webhook(key, one(case, "body"), id=one(case, "id"), timestamp_s=1614265330)
    assert signature.encode() == one(case, "signature")
    for name, body in (("documented: a request", "body"), ("documented: a request without a body", None)):
        case = read_vectors("component_signature.txt")[name]
        components: dict[str, Any] = {
            field: one(case, field) for field in ("client_id", "request_id", "timestamp", "target")
        }
        signed = sign_components(HmacSha256Key(one(case, "secret")), one(case, body) if body else None, **components)
        assert signed.encode() == one(case, "signature")
