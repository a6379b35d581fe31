"""Writes rsa_sha256.txt: NIST CAVP signatures (FIPS 186-3), and forged signatures and spoilt keys made from their keys.

uv run --no-project --with cryptography --with cryptography-vectors python tests/vectors/make_rsa_sha256.py
"""

import base64
import datetime
import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import cryptography_vectors
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from cryptography.x509.oid import NameOID

SOURCE = "asymmetric/RSA/FIPS_186-2/SigVer15_186-3.rsp"
HEADING = """\
# RSASSA-PKCS1-v1_5 with SHA-256: the key is read, then the signature is checked. Made by make_rsa_sha256.py.
# `expect`: ok, malformed (the key or the length of the signature) or no_match.
"""
EXPONENT = 65537
RSA_OID = bytes.fromhex("06092a864886f70d010101")
PSS_OID = bytes.fromhex("06092a864886f70d01010a")
SHA256_INFO = bytes.fromhex("3031300d060960864801650304020105000420")


@dataclass(frozen=True)
class Cavp:
    """One case of NIST: a key with its private half, a message and a signature that is right or wrong."""

    n: int
    p: int
    q: int
    e: int
    d: int
    bits: int
    message: bytes
    signature: bytes
    result: str


def read_cavp() -> Iterator[Cavp]:
    """The cases with SHA-256 and a modulus of 2048 or 3072 bits."""
    values: dict[str, str] = {}
    with cryptography_vectors.open_vector_file(SOURCE, "r") as lines:
        for line in lines:
            if not (field := re.fullmatch(r"\[?(\w+) = (.*?)\]?", line.strip())):
                continue
            values[field[1]] = field[2]
            if field[1] == "Result" and values["SHAAlg"] == "SHA256" and values["mod"] in ("2048", "3072"):
                n, p, q, e, d = (int(values[name], 16) for name in "npqed")
                message, signature = (bytes.fromhex(values[name]) for name in ("Msg", "S"))
                yield Cavp(n, p, q, e, d, int(values["mod"]), message, signature, field[2])


def der(tag: int, *contents: bytes) -> bytes:
    """One value in DER, its contents joined."""
    content = b"".join(contents)
    if len(content) < 0x80:
        return bytes([tag, len(content)]) + content
    length = len(content).to_bytes((len(content).bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(length)]) + length + content


def integer(value: int) -> bytes:
    return der(0x02, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def public_key(
    n: bytes, e: bytes, oid: bytes = RSA_OID, parameters: bytes = b"\x05\x00", unused: bytes = b"\0"
) -> bytes:
    """A SubjectPublicKeyInfo, right unless an argument says otherwise. n and e: encoded integers."""
    return der(0x30, der(0x30, oid, parameters), der(0x03, unused, der(0x30, n, e)))


def pem(label: str, content: bytes, width: int = 64, end: bytes = b"\n") -> bytes:
    text = base64.b64encode(content)
    lines = [text[at : at + width] for at in range(0, len(text), width)]
    return end.join([f"-----BEGIN {label}-----".encode(), *lines, f"-----END {label}-----".encode(), b""])


def certificate(key: ec.EllipticCurvePublicKey | rsa.RSAPublicKey, signer: rsa.RSAPrivateKey) -> bytes:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Vector")])
    start = datetime.datetime(2001, 1, 1, tzinfo=datetime.UTC)
    builder = x509.CertificateBuilder(name, name, key, 1, start, start + datetime.timedelta(days=1))
    return builder.sign(signer, hashes.SHA256()).public_bytes(Encoding.DER)


def sign_encoded(case: Cavp, encoded: bytes) -> bytes:
    """The signature whose encoded message, of the modulus' length, is exactly `encoded`."""
    size = case.bits // 8
    assert len(encoded) == size
    return pow(int.from_bytes(encoded, "big"), case.d, case.n).to_bytes(size, "big")


def encode(case: Cavp, info: bytes, head: bytes = b"\x00\x01", fill: bytes = b"\xff", junk: bytes = b"") -> bytes:
    rest = b"\x00" + info + junk
    return head + fill * (case.bits // 8 - len(head) - len(rest)) + rest


def with_small_signature(case: Cavp) -> Cavp:
    """The same key and a message whose signature is short enough to have the modulus added to it."""
    for number in range(256):
        message = b"message %d" % number
        signature = sign_encoded(case, encode(case, SHA256_INFO + hashlib.sha256(message).digest()))
        if (int.from_bytes(signature, "big") + case.n).bit_length() <= case.bits:
            return replace(case, message=message, signature=signature)
    raise LookupError("no such message")


def forged_signatures(case: Cavp) -> Iterator[tuple[str, bytes, str]]:
    size = case.bits // 8
    digest = hashlib.sha256(case.message).digest()

    def padded(info: bytes, head: bytes = b"\x00\x01", fill: bytes = b"\xff", junk: bytes = b"") -> bytes:
        return sign_encoded(case, encode(case, info, head, fill, junk))

    info = SHA256_INFO + digest
    yield "the right encoding", padded(info), "ok"
    yield "the hash named SHA-1", padded(bytes.fromhex("3021300906052b0e03021a05000414") + digest[:20]), "no_match"
    yield "the hash named SHA-384", padded(info.replace(b"\x04\x02\x01", b"\x04\x02\x02")), "no_match"
    yield "the hash named SHA-512/256", padded(info.replace(b"\x04\x02\x01", b"\x04\x02\x06")), "no_match"
    bare = bytes.fromhex("302f300b0609608648016503040201") + b"\x04\x20" + digest
    yield "the hash named without its NULL", padded(bare), "no_match"
    long_form = bytes.fromhex("308131300d060960864801650304020105000420") + digest
    yield "a length not in its shortest form", padded(long_form), "no_match"
    yield "no DigestInfo, the bare digest", padded(digest), "no_match"
    yield "junk after the digest", padded(info, junk=b"\x00"), "no_match"
    yield (
        "junk in the parameters",
        padded(bytes.fromhex("3033300f0609608648016503040201050200000420") + digest),
        "no_match",
    )
    short_fill = b"\x00\x01" + b"\xff" * 8 + b"\x00" + info
    yield "a short padding, junk behind", sign_encoded(case, short_fill.ljust(size, b"\xaa")), "no_match"
    yield "a padding of fe", padded(info, fill=b"\xfe"), "no_match"
    yield "a padding of zeros, block type 0", padded(info, head=b"\x00\x00", fill=b"\x00"), "no_match"
    yield "block type 2", padded(info, head=b"\x00\x02"), "no_match"
    yield "a first byte that is not zero", padded(info, head=b"\x01\x01"), "no_match"
    yield "the signature 0", bytes(size), "no_match"
    yield "the signature 1", bytes(size - 1) + b"\x01", "no_match"
    yield "the modulus as signature", case.n.to_bytes(size, "big"), "no_match"
    malleable = int.from_bytes(case.signature, "big") + case.n
    yield "the signature plus the modulus", malleable.to_bytes(size, "big"), "no_match"
    yield "all bits set", b"\xff" * size, "no_match"
    yield "a byte too few", case.signature[1:], "malformed"
    yield "a byte too many", b"\x00" + case.signature, "malformed"
    yield "no signature", b"", "malformed"


def key_forms(case: Cavp, small: Cavp) -> Iterator[tuple[str, bytes, str]]:
    n, e = integer(case.n), integer(case.e)
    good = public_key(n, e)
    private = rsa.RSAPrivateNumbers(
        case.p,
        case.q,
        case.d,
        case.d % (case.p - 1),
        case.d % (case.q - 1),
        pow(case.q, -1, case.p),
        rsa.RSAPublicNumbers(case.e, case.n),
    ).private_key()
    elliptic = ec.derive_private_key(1, ec.SECP256R1()).public_key()
    signed = certificate(private.public_key(), private)
    text = pem("PUBLIC KEY", good)

    yield "DER", good, "ok"
    yield "PEM", text, "ok"
    yield "PEM with CR LF", pem("PUBLIC KEY", good, end=b"\r\n"), "ok"
    yield "PEM in one line", pem("PUBLIC KEY", good, width=10_000), "ok"
    yield "PEM with white space around", b" \r\n\t" + text + b"\n \t\r\n", "ok"
    yield "PEM without a last line end", text[:-1], "ok"
    yield "a certificate", pem("CERTIFICATE", signed), "ok"

    yield "nothing", b"", "malformed"
    yield "white space", b" \n", "malformed"
    yield "DER and a byte", good + b"\x00", "malformed"
    yield "DER without its last byte", good[:-1], "malformed"
    yield "DER behind white space", b"\n" + good, "malformed"
    yield "DER of a certificate", signed, "malformed"
    yield "DER of indefinite length", b"\x30\x80" + good[4:] + b"\x00\x00", "malformed"
    yield "DER with a length that is too long", b"\x30\x83\x00" + good[2:], "malformed"
    yield "an integer with a zero too many", public_key(der(0x02, b"\x00" + n[4:]), e), "malformed"
    yield "a negative modulus", public_key(der(0x02, n[5:]), e), "malformed"
    yield "an even modulus", public_key(integer(case.n - 1), e), "malformed"
    yield "a modulus of 1024 bits", public_key(integer(case.n >> 1024 | 1), e), "malformed"
    yield "a modulus of 2047 bits", public_key(integer(case.n >> 1 | 1), e), "malformed"
    yield "a modulus of 8192 bits, longer than the signature", public_key(integer(1 << 8191 | 1), e), "malformed"
    yield "a modulus of 8193 bits", public_key(integer(1 << 8192 | 1), e), "malformed"
    yield "a modulus of 0", public_key(integer(0), e), "malformed"
    for exponent in (0, 1, 3, 65535, 65536, 65538, 2**64 + 1, case.n - 2):
        shown = exponent if exponent < case.n - 2 else "the modulus less 2"
        yield f"an exponent of {shown}", public_key(n, integer(exponent)), "malformed"
    yield "a negative exponent", public_key(n, der(0x02, b"\xff\x01\x01")), "malformed"
    yield "no parameters", public_key(n, e, parameters=b""), "malformed"
    yield "parameters that are no NULL", public_key(n, e, parameters=b"\x30\x00"), "malformed"
    yield "unused bits", public_key(n, e, unused=b"\x01"), "malformed"
    yield "a third integer", public_key(n, e + integer(1)), "malformed"
    yield (
        "junk in the bit string",
        der(0x30, der(0x30, RSA_OID, b"\x05\x00"), der(0x03, b"\x00", der(0x30, n, e), b"\x00")),
        "malformed",
    )
    yield "a key for RSASSA-PSS", public_key(n, e, oid=PSS_OID, parameters=b""), "malformed"
    yield "a bare RSAPublicKey", der(0x30, n, e), "malformed"
    yield "a PEM of RSA PUBLIC KEY", pem("RSA PUBLIC KEY", der(0x30, n, e)), "malformed"
    spki = elliptic.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    yield "an elliptic curve key", spki, "malformed"
    yield "a certificate of an elliptic curve key", pem("CERTIFICATE", certificate(elliptic, private)), "malformed"
    tiny = rsa.RSAPublicNumbers(3, case.n).public_key()
    yield "a certificate of a small exponent", pem("CERTIFICATE", certificate(tiny, private)), "malformed"
    private_der = private.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    yield "a private key", pem("PRIVATE KEY", private_der), "malformed"
    yield "a private key as PUBLIC KEY", pem("PUBLIC KEY", private_der), "malformed"

    yield "a certificate as PUBLIC KEY", pem("PUBLIC KEY", signed), "malformed"
    yield "a public key as CERTIFICATE", pem("CERTIFICATE", good), "malformed"
    yield "a certificate and a byte", pem("CERTIFICATE", signed + b"\x00"), "malformed"
    yield "a certificate without its last byte", pem("CERTIFICATE", signed[:-1]), "malformed"
    yield "TRUSTED CERTIFICATE", pem("TRUSTED CERTIFICATE", signed), "malformed"
    yield "two blocks", text + text, "malformed"
    yield "two certificates", pem("CERTIFICATE", signed) * 2, "malformed"
    yield "text before the block", b"a key:\n" + text, "malformed"
    yield "text after the block", text + b"a key\n", "malformed"
    yield "a NUL after the block", text + b"\x00", "malformed"
    yield "text on the first line", text.replace(b"KEY-----\n", b"KEY----- \n", 1), "malformed"
    yield "no line end after the first line", text.replace(b"KEY-----\n", b"KEY-----", 1), "malformed"
    yield "no line end before the last line", text.replace(b"\n-----END", b"-----END"), "malformed"
    yield "an empty line", text.replace(b"\n-----END", b"\n\n-----END"), "malformed"
    yield "a blank at a line's end", text.replace(b"\n-----END", b" \n-----END"), "malformed"
    yield "CR alone", text.replace(b"\n", b"\r"), "malformed"
    yield "a header", text.replace(b"KEY-----\n", b"KEY-----\nProc-Type: 4,CLEAR\n\n", 1), "malformed"
    yield "an end of another label", text.replace(b"END PUBLIC KEY", b"END CERTIFICATE"), "malformed"
    yield "an end of another spelling", text.replace(b"END PUBLIC KEY", b"END PUBLIC_KEY"), "malformed"
    yield "no end", text[: text.index(b"-----END")], "malformed"
    yield "the boundaries alone", b"-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----\n", "malformed"
    yield "boundaries that share their dashes", b"-----BEGIN PUBLIC KEY-----END PUBLIC KEY-----", "malformed"
    yield "a label in lower case", text.replace(b"PUBLIC KEY", b"public key"), "malformed"
    yield "base64 of another alphabet", text.replace(b"/", b"_").replace(b"+", b"-"), "malformed"
    yield "base64 with a padding too many", text.replace(b"\n-----END", b"====\n-----END"), "malformed"
    yield "another key", public_key(integer(small.n), e), "no_match"


def lines_of(name: str, key: bytes, message: bytes, signature: bytes, expect: str) -> str:
    fields = {"key_hex": key.hex(), "message_hex": message.hex(), "signature_hex": signature.hex(), "expect": expect}
    return "\n".join(["", f"[{name}]", *(f"{field} = {value}".rstrip() for field, value in fields.items()), ""])


def cavp_vectors(cases: list[Cavp]) -> Iterator[str]:
    for case in cases:
        key = public_key(integer(case.n), integer(case.e))
        result = "P" if case.result == "P" else re.sub(r"^F \(\d - (.*?) ?\)$", r"\1", case.result)
        if case.e >= EXPONENT:
            expect = "ok" if result == "P" else "no_match"
            yield lines_of(f"CAVP {case.bits}: {result}", key, case.message, case.signature, expect)
        elif result == "P":
            yield lines_of(
                f"CAVP {case.bits}: right, but of exponent {case.e}", key, case.message, case.signature, "malformed"
            )


def main() -> None:
    cases = list(read_cavp())
    right = with_small_signature(next(case for case in cases if case.e == EXPONENT and case.bits == 2048))
    other = next(case for case in cases if case.bits == 2048 and case.n != right.n)
    key = public_key(integer(right.n), integer(right.e))
    vectors = [HEADING, *cavp_vectors(cases)]
    vectors += [lines_of(name, key, right.message, forged, expect) for name, forged, expect in forged_signatures(right)]
    for name, encoded, expect in key_forms(right, other):
        vectors.append(lines_of(f"key: {name}", encoded, right.message, right.signature, expect))
    Path(__file__).with_name("rsa_sha256.txt").write_text("".join(vectors))


main()
